"""What programs of an unprivileged attacker share: the user that they become."""
import ctypes
import os

USER = 1001
LIBC = ctypes.CDLL(None, use_errno=True)


def folder_beside(path, user=USER):
    """A folder of this user's that goes with the test's. To be made before become()."""
    beside = os.path.dirname(os.path.abspath(path))
    os.chmod(beside, 0o711)
    folder = os.path.join(beside, "stranger")
    os.mkdir(folder, 0o755)
    os.chown(folder, user, user)
    return folder


def become(user=USER):
    """From here on nobody's process but this user's, as if it had been started by it."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.environ["HOME"] = "/"
    # The kernel has taken /proc/self from it, as from a set-user-id program.
    if LIBC.prctl(4, 1, 0, 0, 0) != 0:  # PR_SET_DUMPABLE
        raise OSError(ctypes.get_errno(), "prctl")
