"""What the agent sees and presses. The one rule: widgets draw a View and call plain callables; they decide nothing."""
