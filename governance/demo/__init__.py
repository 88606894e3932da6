"""The main job once, end to end, on real data: what `manage.py demo` shows a newcomer."""
