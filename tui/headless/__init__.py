"""The commands without a screen: the same session as the engine's, in this process."""
