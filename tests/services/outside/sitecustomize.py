"""Python imports this at its start where the folder is in PYTHONPATH: the faults come into a service from outside of its code."""
import os

if os.environ.get("AIOTRACE_FAULTS"):
    import plugin

    plugin.listen(os.environ["AIOTRACE_FAULTS"])
    os.register_at_fork(after_in_child=lambda: plugin.listen(os.environ["AIOTRACE_FAULTS"]))
