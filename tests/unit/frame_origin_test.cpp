#include "model/frame_origin.h"

#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

Frame python(const std::string& function, const std::string& file) { return {Frame::Kind::python, function, file, 1}; }

bool standard(std::string_view file) { return origin_of(file).origin == Origin::standard_library; }
bool package(std::string_view file) { return origin_of(file).origin == Origin::package; }
bool program(std::string_view file) { return origin_of(file).origin == Origin::program; }

std::string module(std::string_view file) { return std::string(origin_of(file).module); }
std::string known_as(std::string_view file) { return std::string(origin_of(file).package()); }

const Frame kSocket = python("SocketIO.readinto", "/usr/lib/python3.11/socket.py");
const Frame kRequests = python("get", "/v/lib/python3.11/site-packages/requests/api.py");
const Frame kHandler = python("fetch", "app/a.py");
const Frame kStarlette = python("app", "/v/lib/python3.11/site-packages/starlette/routing.py");

}  // namespace

TEST_CASE("whose code a file is, by its path", "[model][origin]") {
  CHECK(standard("/usr/lib/python3.11/socket.py"));
  CHECK(standard("/opt/py/lib/python3.14t/asyncio/events.py"));
  CHECK(standard("/usr/lib64/python3.12/asyncio/events.py"));
  CHECK(standard("<frozen runpy>"));
  CHECK(package("/usr/lib/python3/dist-packages/requests/api.py"));
  CHECK(package("/v/lib/python3.11/site-packages/aiohttp/web.py"));
  CHECK(program("app/handlers.py"));
  CHECK(program("/srv/asyncio/events.py"));
  CHECK(program("/home/x/lib/python3.d/a.py"));
  CHECK(program("/lib/python3."));
  CHECK(program("/lib/python3.11"));
  CHECK(program("<string>"));
  CHECK(program(""));
}

TEST_CASE("the module of a library's file, and what it is known by", "[model][origin]") {
  CHECK(module("/v/lib/python3.11/site-packages/urllib3/connectionpool.py") == "urllib3/connectionpool");
  CHECK(known_as("/v/lib/python3.11/site-packages/urllib3/connectionpool.py") == "urllib3");
  CHECK(module("/v/lib/python3.11/site-packages/six.py") == "six");
  CHECK(known_as("/v/lib/python3.11/site-packages/six.py") == "six");
  CHECK(module("/v/lib/python3.11/site-packages/jwt/__init__.py") == "jwt");
  CHECK(module("/usr/lib/python3.11/asyncio/events.py") == "asyncio/events");
  CHECK(known_as("/usr/lib/python3.11/asyncio/events.py") == "asyncio");
  CHECK(known_as("/usr/lib64/python3.12/json/decoder.py") == "json");
  CHECK(module("<frozen importlib._bootstrap>") == "importlib._bootstrap");
  CHECK(known_as("<frozen importlib._bootstrap>") == "importlib");
  CHECK(module("app/handlers.py").empty());
  CHECK(known_as("app/handlers.py").empty());
}

TEST_CASE("the frame to name is the program's innermost, then a package's, then any of Python", "[model][origin]") {
  const Frame native{Frame::Kind::native, "ZSTD_compress", "libzstd.so.1", 0};
  CHECK(own_frame({native, kSocket, kRequests, kHandler, kStarlette, python("main", "app/a.py")})->function == "fetch");
  CHECK(own_frame({native, kSocket, kRequests, kStarlette})->function == "get");
  CHECK(own_frame({native, kSocket})->function == "SocketIO.readinto");
  CHECK(own_frame({native}) == nullptr);
  // What started the loop did not stall it.
  const Frame handle = python("Handle._run", "/usr/lib/python3.11/asyncio/events.py");
  const Frame once = python("_run_once", "/usr/lib/python3.8/asyncio/base_events.py");
  const Frame script = python("<module>", "/v/bin/uvicorn");
  CHECK(own_frame({kSocket, kRequests, handle, once, script})->function == "get");
  CHECK(own_frame({kSocket, once, script})->function == "SocketIO.readinto");
  CHECK(own_frame({once, script})->function == "_run_once");
  CHECK(own_frame({kRequests, kHandler, handle, once, script})->function == "fetch");
  const Frame coroutine = python("BaseEventLoop.create_connection", "/usr/lib/python3.11/asyncio/base_events.py");
  CHECK(own_frame({coroutine, kHandler, handle, once, script})->function == "fetch");
  CHECK(own_frame({kSocket, script})->function == "<module>");
  CHECK(own_frame({}) == nullptr);
}
