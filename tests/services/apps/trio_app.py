import trio


async def main():
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(trio.sleep_forever)
        print("ready", flush=True)


trio.run(main)
