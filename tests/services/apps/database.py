"""SQLAlchemy's AsyncSession over aiosqlite (third party) behind aiohttp."""
import sys

from aiohttp import web
from sqlalchemy import Integer, String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id = mapped_column(Integer, primary_key=True)
    name = mapped_column(String)


engine = create_async_engine("sqlite+aiosqlite:///" + sys.argv[2])
session = async_sessionmaker(engine)


async def index(request):
    async with session() as one:
        one.add(Row(name="x"))
        await one.commit()
        rows = (await one.execute(select(Row).limit(10))).scalars().all()
    return web.json_response([row.name for row in rows])


async def begin(app):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = web.Application()
app.add_routes([web.get("/", index)])
app.cleanup_ctx.append(begin)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
