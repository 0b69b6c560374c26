// Which files belong to a library: by its own folder, not by the name of a folder.
#include "python/library_files.h"

#include "fake_python.h"
#include "python/known_functions.h"
#include "tests/catch.h"

using namespace aiotrace;
using python::LibraryFiles;
using testing::FakePython;

namespace {

/// sys.modules of a program whose modules were compiled from these files.
struct Source {
  std::string module, source, file;
};
LibraryFiles files_of(const std::vector<Source>& sources) {
  FakePython heap;
  FakePython::Items modules;
  for (const auto& [module, source, file] : sources) modules.emplace_back(module, heap.module_of(source, file));
  return LibraryFiles::find(heap.memory, heap.interpreter.layout, heap.dict(modules));
}

}  // namespace

TEST_CASE("library files: an ordinary installation", "[libraries]") {
  const auto files = files_of({{"os", "<frozen os>", "/usr/lib/python3.14/os.py"},
                               {"selectors", "/usr/lib/python3.14/selectors.py", "/usr/lib/python3.14/selectors.py"},
                               {"aiohttp", "/v/lib/python3.14/site-packages/aiohttp/__init__.py",
                                "/v/lib/python3.14/site-packages/aiohttp/__init__.py"},
                               {"nest_asyncio", "/v/lib/python3.14/site-packages/nest_asyncio.py",
                                "/v/lib/python3.14/site-packages/nest_asyncio.py"}});
  CHECK(files.inside("/usr/lib/python3.14/asyncio/tasks.py") == "asyncio/tasks.py");
  CHECK(files.inside("<frozen asyncio.tasks>") == "asyncio/tasks.py");
  CHECK(files.inside("/v/lib/python3.14/site-packages/aiohttp/streams.py") == "aiohttp/streams.py");
  CHECK(files.inside("/v/lib/python3.14/site-packages/nest_asyncio.py") == "nest_asyncio.py");
  // Packages of the program's own.
  CHECK(files.inside("/home/me/lib/asyncio/tasks.py").empty());
  CHECK(files.inside("/home/me/asyncio/tasks.py").empty());
  CHECK(files.inside("asyncio/tasks.py").empty());
  CHECK(files.inside("/v/lib/python3.14/site-packages/redis/asyncio/client.py").empty());
  CHECK(files.inside("/usr/lib/python3.14/site-packages/aiohttp/streams.py").empty());
  CHECK(files.inside("/v/lib/python3.14/site-packages/aiohttp_extra/streams.py").empty());
  CHECK(files.inside("").empty());
  CHECK(files.inside("/usr/lib/python3.14/").empty());
}

TEST_CASE("library files: relative paths of PyInstaller, and the archive of zipimport", "[libraries]") {
  const auto relative = files_of({{"os", "os.py", "/tmp/_MEIx/base_library.zip/os.pyc"},
                                  {"asyncio.events", "asyncio/events.py", "/tmp/_MEIx/base_library.zip/x.pyc"},
                                  {"aiohttp", "aiohttp/__init__.py", "/tmp/_MEIx/aiohttp/__init__.pyc"}});
  CHECK(relative.inside("asyncio/locks.py") == "asyncio/locks.py");
  CHECK(relative.inside("aiohttp/streams.py") == "aiohttp/streams.py");
  CHECK(relative.inside("/home/me/asyncio/locks.py").empty());
  CHECK(python::find_function(relative.inside("lib/asyncio/locks.py"), "Lock.acquire", true) == nullptr);
  const auto archive = files_of({{"os", "/opt/python312.zip/os.py", "/opt/python312.zip/os.pyc"}});
  CHECK(archive.inside("/opt/python312.zip/asyncio/locks.py") == "asyncio/locks.py");
}

TEST_CASE("library files: what another module has put into `os` is not believed", "[libraries]") {
  FakePython heap;
  const std::uint64_t other = heap.dict({});
  const std::uint64_t patched = heap.function(heap.code("/v/gevent/os.py", "read"), other);
  const std::uint64_t os = heap.module(heap.dict({{"read", patched}, {"__file__", heap.str("/usr/lib/os.py")}}));
  const auto files = LibraryFiles::find(heap.memory, heap.interpreter.layout, heap.dict({{"os", os}}));
  CHECK(files.empty());
  CHECK(LibraryFiles::find(heap.memory, heap.interpreter.layout, 0).empty());
  CHECK(files.inside("/v/gevent/asyncio/tasks.py").empty());
}

TEST_CASE("known functions: by their file and qualified name", "[libraries]") {
  using python::CodeRole;
  using python::find_function;
  using python::WaitEnd;
  using python::WaitKind;
  CHECK(find_function("asyncio/locks.py", "Event.wait", true)->wait == WaitKind::event);
  CHECK(find_function("asyncio/locks.py", "wait", true) == nullptr);
  CHECK(find_function("asyncio/events.py", "_run", false)->role == CodeRole::run_callback);
  CHECK(find_function("asyncio/events.py", "_run", true) == nullptr);
  CHECK(find_function("asyncio/events.py", "Other._run", true) == nullptr);
  CHECK(find_function("asyncio/tasks.py", "wait_for", true)->deadline == "timeout");
  // A row of its own comes before the file's.
  CHECK(find_function("asyncio/streams.py", "StreamReader.read", true)->call == "StreamReader.read");
  CHECK(find_function("asyncio/streams.py", "anything", true)->end == WaitEnd::outside);
  CHECK(find_function("", "", true) == nullptr);
  for (const auto& row : python::known_functions()) {
    INFO(row.file << " " << row.function);
    CHECK(find_function(row.file, row.function.empty() ? "?" : row.function, true) == &row);
  }
}
