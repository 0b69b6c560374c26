"""The content of the wheel: no Python, but the tree that `make install` has put into root/."""
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# For any Python; for x86-64, whose registers the BPF programs read. A static program needs no glibc: 2.17 is the oldest for
# which PEP 600 and 599 both have a tag, so that the pip of CPython 3.8 takes it too.
TAG = "py3-none-manylinux_2_17_x86_64"


class InstalledTree(BuildHookInterface):
    def initialize(self, version, build_data):
        root = Path(self.root, "root")
        build_data["pure_python"] = False
        build_data["tag"] = TAG
        build_data["shared_scripts"] = {str(path): path.name for path in sorted((root / "bin").iterdir())}
        build_data["shared_data"] = {str(path): str(path.relative_to(root))
                                     for path in sorted((root / "share").rglob("*")) if path.is_file()}
