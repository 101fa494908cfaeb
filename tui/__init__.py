import os

# Textual paints on the beats of a clock. At its own 60 a second what a key has changed waits for one of
# them, and what the engine answers then for another. An idle screen has no beats, whatever their rate.
os.environ.setdefault("TEXTUAL_FPS", "120")
