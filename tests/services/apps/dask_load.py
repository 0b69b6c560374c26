"""A client of a dask scheduler: a few short tasks a second."""
import sys
import time

from distributed import Client

client = Client(sys.argv[1], timeout=60)
client.wait_for_workers(1, timeout=60)
print("ready", flush=True)
while True:
    client.gather(client.map(hash, range(5), pure=False))
    time.sleep(0.3)
