"""Lists the packages: the folders at the top are rooms of one package, and a list written by hand is forgotten."""

from setuptools import find_packages, setup

ROOMS = {"tidewire": "runtime", "tidewire.events": "events", "tidewire.adapters": "adapters"}

setup(
    packages=[
        name
        for package, folder in ROOMS.items()
        for name in (package, *(f"{package}.{below}" for below in find_packages(folder)))
    ],
    package_data={"tidewire": ["py.typed"], "tidewire.adapters": ["data/*"]},
)
