from gevent import monkey

monkey.patch_all()
import gevent  # noqa: E402


def nap():
    while True:
        gevent.sleep(0.2)


greenlets = [gevent.spawn(nap) for _ in range(3)]
print("ready", flush=True)
gevent.joinall(greenlets)
