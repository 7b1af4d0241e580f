"""Pictures that the program loads by name; see `app/ui/icons.py`."""
