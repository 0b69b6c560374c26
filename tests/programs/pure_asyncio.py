"""asyncio's classes that are written in Python, in all ways in which programs can use them."""
import asyncio
import sys

_FUNCTIONS = ("current_task", "all_tasks", "_enter_task", "_leave_task", "_register_task", "_swap_current_task")


def use_python_classes():
    """Tasks and futures written in Python instead of C, everywhere."""
    asyncio.Task = asyncio.tasks.Task = asyncio.tasks._PyTask
    if sys.version_info >= (3, 14):  # C's functions only keep track of C's tasks
        for name in _FUNCTIONS:
            function = getattr(asyncio.tasks, "_py_" + name.lstrip("_"), None) or getattr(asyncio.tasks, "_py" + name)
            setattr(asyncio.tasks, name, function)
            if not name.startswith("_"):
                setattr(asyncio, name, function)
    asyncio.Future = asyncio.futures.Future = asyncio.futures._PyFuture


def patch_like_nested_loops():
    """As in a library that lets a loop run inside another one: the names of C's classes also refer to Python's
    classes."""
    use_python_classes()
    asyncio.tasks._CTask = asyncio.tasks._PyTask
    asyncio.futures._CFuture = asyncio.futures._PyFuture


class PythonTask(asyncio.tasks._PyTask):
    """A class of a program's own below asyncio's."""


class Mixin:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = 1


class MixedTask(Mixin, asyncio.tasks._PyTask):
    """A class whose first base is no task."""


class SlottedTask(asyncio.Task):
    """Below C's class."""
    __slots__ = ("extra",)


def python_factory(loop, coroutine, **kwargs):
    """For loop.set_task_factory()."""
    if sys.version_info < (3, 11):
        kwargs.pop("context", None)
    return PythonTask(coroutine, loop=loop, **kwargs)


class OwnLoop(asyncio.SelectorEventLoop):
    """Makes its tasks and futures itself, of Python's classes."""

    def create_task(self, coroutine, **kwargs):
        return python_factory(self, coroutine, **kwargs)

    def create_future(self):
        return asyncio.futures._PyFuture(loop=self)
