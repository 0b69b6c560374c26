#include "python/debug_offsets.h"

#include <cstring>
#include <vector>

#include "tests/catch.h"

using aiotrace::python::apply_asyncio_debug;
using aiotrace::python::apply_debug_offsets;
using aiotrace::python::debug_header;
using aiotrace::python::Layout;
using aiotrace::python::layout_for;

namespace {

using Bytes = std::vector<std::byte>;

void put(Bytes& bytes, std::size_t at, std::uint64_t value) { std::memcpy(bytes.data() + at, &value, 8); }

/// What 3.13.5 publishes, as far as it is read: {group, values from the size on}.
Bytes published_3_13_5() {
  Bytes bytes(584);
  std::memcpy(bytes.data(), "xdebugpy", 8);
  put(bytes, 8, 0x030d05f0);
  const std::pair<std::size_t, std::vector<std::uint64_t>> groups[] = {
      {24, {283376, 608, 632}},
      {48, {194976, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16, 7752, 0, 7768, 7760}},
      {152, {304, 0, 8, 16, 72, 152, 160, 232, 32}},
      {224, {80, 8, 0, 56, 72, 70}},
      {272, {208, 112, 120, 128, 136, 68, 52, 96, 104, 200}},
      {352, {16, 8}},
      {368, {416, 24, 88, 168}},
      {400, {32, 24, 16}},
      {424, {40, 24, 16}},
      {448, {48, 32, 40}},
      {488, {32, 16, 24}},
      {512, {40, 16, 32}},
      {536, {64, 32, 16, 40}},
      {568, {240, 200}},
  };
  for (const auto& [at, values] : groups) {
    for (std::size_t i = 0; i < values.size(); ++i) put(bytes, at + 8 * i, values[i]);
  }
  return bytes;
}

bool same(const Layout& one, const Layout& other) { return std::memcmp(&one, &other, sizeof one) == 0; }

}  // namespace

TEST_CASE("debug offsets: the header", "[debug_offsets]") {
  Bytes bytes = published_3_13_5();
  REQUIRE(debug_header(bytes));
  CHECK(debug_header(bytes)->version_hex == 0x030d05f0);
  CHECK(!debug_header(bytes)->free_threaded);
  put(bytes, 16, 1);
  CHECK(debug_header(bytes)->free_threaded);
  CHECK(!debug_header(std::span(bytes).first(23)));
  bytes[0] = std::byte('y');
  CHECK(!debug_header(bytes));
}

TEST_CASE("debug offsets: agree with the generated table of the same release", "[debug_offsets]") {
  Layout layout = *layout_for(0x030d05f0);
  const Layout table = layout;
  REQUIRE(apply_debug_offsets(published_3_13_5(), layout));
  CHECK(same(layout, table));
}

TEST_CASE("debug offsets: the target's own number wins over the table's", "[debug_offsets]") {
  Layout layout = *layout_for(0x030d05f0);
  Bytes bytes = published_3_13_5();
  put(bytes, 48 + 8 * 5, 7664);
  put(bytes, 152 + 8 * 6, 168);
  REQUIRE(apply_debug_offsets(bytes, layout));
  CHECK(layout.user.interp_modules == 7664);
  CHECK(layout.user.ts_native_thread_id == 168);
}

TEST_CASE("debug offsets: nonsense is refused by name and changes nothing", "[debug_offsets]") {
  const Layout table = *layout_for(0x030d05f0);
  const struct {
    std::size_t at;
    std::uint64_t value;
    const char* named;
  } cases[] = {
      {24, 1u << 20, "runtime_state has 1048576 bytes"},
      {152, 0, "thread_state has 0 bytes"},
      {152 + 8 * 3, 304, "thread_state.interp is 304 of 304 bytes"},
      {152 + 8 * 3, 300, "thread_state.interp is 300 of 304 bytes"},
      {224, 88, "interpreter_frame has 88 bytes"},
      {224 + 8 * 5, UINT64_MAX, "interpreter_frame.owner is 18446744073709551615 of 80 bytes"},
      {352, 32, "pyobject has 32 bytes"},
      {8, 0x030e00f0, "not those of the version"},
  };
  for (const auto& wrong : cases) {
    Layout layout = table;
    Bytes bytes = published_3_13_5();
    put(bytes, wrong.at, wrong.value);
    const auto applied = apply_debug_offsets(bytes, layout);
    REQUIRE(!applied);
    CHECK(applied.error().reason == wrong.named);
    CHECK(same(layout, table));
  }
  Layout layout = table;
  CHECK(!apply_debug_offsets(std::span<const std::byte>(published_3_13_5()).first(500), layout));
  CHECK(same(layout, table));
}

TEST_CASE("debug offsets: asyncio's of 3.14.10", "[debug_offsets]") {
  const std::uint64_t words[13] = {168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880};
  Layout layout = *layout_for(0x030e0af0);
  const Layout table = layout;
  REQUIRE(apply_asyncio_debug(std::as_bytes(std::span(words)), layout));
  CHECK(same(layout, table));

  std::uint64_t moved[13];
  std::memcpy(moved, words, sizeof moved);
  moved[11] = 864;  // 3.14.2
  REQUIRE(apply_asyncio_debug(std::as_bytes(std::span(moved)), layout));
  CHECK(layout.bpf.ts_running_task == 864);
  moved[0] = 176;
  layout = table;
  CHECK(!apply_asyncio_debug(std::as_bytes(std::span(moved)), layout));
  moved[0] = 168;
  moved[11] = 930;
  CHECK(!apply_asyncio_debug(std::as_bytes(std::span(moved)), layout));
  CHECK(!apply_asyncio_debug(std::as_bytes(std::span(words)).first(96), layout));
  CHECK(same(layout, table));
}

TEST_CASE("layouts: a version gets the newest table that is not newer than it", "[layout]") {
  CHECK(layout_for(0x030807f0)->bpf.version == 0x030812f0);
  CHECK(layout_for(0x030d00f0)->user.gc_generations == 24);
  CHECK(layout_for(0x030d04f0)->user.gc_generations == 24);
  CHECK(layout_for(0x030d05f0)->user.gc_generations == 20);
  CHECK(layout_for(0x030d63f0)->user.gc_generations == 20);
  CHECK(layout_for(0x030e00f0)->bpf.version == 0x030e08f0);
  CHECK(layout_for(0x030712f0) == nullptr);
  CHECK(layout_for(0x031000f0) == nullptr);
  CHECK(layout_for(0x020712f0) == nullptr);
}
