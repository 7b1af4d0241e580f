"""MaskBar masks and unmasks the recording of a call while a card number is read out."""

__version__ = "0.1.0"
NAME = "MaskBar"
APP_ID = "org.maskbar.MaskBar"
