#include "tests/native/memory.h"

#include <cstring>

#include "tests/catch.h"

namespace aiotrace::testing {

namespace {

Memory* present = nullptr;

// PyASCIIObject.state: kind 1, compact, ASCII.
constexpr std::uint32_t kAsciiState = 1u << 2 | 1u << 5 | 1u << 6;

}  // namespace

Memory::Memory() {
  REQUIRE(present == nullptr);
  present = this;
  host_reset();
}

Memory::~Memory() { present = nullptr; }

void Memory::map(std::uint64_t address, std::size_t size) { pieces_[address].assign(size, 0); }
void Memory::unmap(std::uint64_t address) { pieces_.erase(address); }

void Memory::write(std::uint64_t address, const void* from, std::size_t size) {
  auto piece = pieces_.upper_bound(address);
  REQUIRE(piece != pieces_.begin());
  --piece;
  REQUIRE(address + size <= piece->first + piece->second.size());
  std::memcpy(piece->second.data() + (address - piece->first), from, size);
}

bool Memory::read(void* to, std::size_t size, std::uint64_t address) {
  if (fail_after >= 0 && reads >= fail_after) return false;
  auto piece = pieces_.upper_bound(address);
  if (piece == pieces_.begin()) return false;
  --piece;
  const auto offset = address - piece->first;
  if (offset > piece->second.size() || size > piece->second.size() - offset) return false;
  std::memcpy(to, piece->second.data() + offset, size);
  ++reads;
  return true;
}

FakePython::FakePython(Memory& to, bool frame_objects) : memory(to) {
  layout.flags = frame_objects ? PY_FRAME_OBJECTS : 0;
  layout.interp_next = 8;
  layout.interp_threads_head = 16;
  layout.interp_gc = PY_NO_OFFSET;
  layout.interp_gil_ptr = PY_NO_OFFSET;
  layout.ts_next = 8;
  layout.ts_interp = 16;
  layout.ts_thread_id = 24;
  layout.ts_frame = 32;
  layout.ts_running_task = PY_NO_OFFSET;
  layout.frame_previous = 24;
  layout.frame_code = 32;
  layout.frame_instr = frame_objects ? 104 : 56;
  layout.frame_owner = frame_objects ? PY_NO_OFFSET : 70;
  layout.frame_owner_shim = 3;
  layout.frame_gen = frame_objects ? 88 : PY_NO_OFFSET;
  layout.code_flags = 48;
  layout.code_firstlineno = 52;
  layout.code_filename = 104;
  layout.code_name = 112;
  layout.code_qualname = frame_objects ? PY_NO_OFFSET : 120;
  layout.code_linetable = 136;
  layout.code_bytecode = frame_objects ? PY_NO_OFFSET : 192;
  layout.gen_iframe = 72;
  layout.unicode_length = 16;
  layout.unicode_state = 32;
  layout.unicode_ascii_data = 40;
  layout.unicode_compact_data = 56;
  layout.bytes_size = 16;
  layout.bytes_data = 32;
  host_process.flags = PROCESS_PYTHON;
  host_process.interpreters_head = kHead;
  host_process.layout = layout;
  memory.map(kTstate, 256);
  memory.map(kInterpreter, 256);
  memory.map(kHead, 8);
  memory.put(kHead, kInterpreter);
  memory.put(kInterpreter + layout.interp_threads_head, kTstate);
  memory.put(kTstate + layout.ts_thread_id, kFsBase);
  memory.put(kTstate + layout.ts_interp, kInterpreter);
}

std::uint64_t FakePython::text(const std::string& characters) {
  const auto at = next;
  next += 0x1000;
  memory.map(at, 64 + characters.size());
  memory.put(at + layout.unicode_length, static_cast<std::uint64_t>(characters.size()));
  memory.put(at + layout.unicode_state, kAsciiState);
  memory.write(at + layout.unicode_ascii_data, characters.data(), characters.size());
  return at;
}

std::uint64_t FakePython::code(const std::string& name, const std::string& file, std::uint32_t flags) {
  const auto names = text(name);
  const auto files = text(file);
  const auto table = next;
  next += 0x1000;
  memory.map(table, 64);
  memory.put(table + layout.bytes_size, std::uint64_t{4});
  const auto at = next;
  next += 0x1000;
  memory.map(at, 512);
  memory.put(at + layout.code_flags, flags);
  memory.put(at + layout.code_firstlineno, std::uint32_t{7});
  memory.put(at + layout.code_filename, files);
  memory.put(at + (layout.code_qualname != PY_NO_OFFSET ? layout.code_qualname : layout.code_name), names);
  memory.put(at + layout.code_linetable, table);
  return at;
}

void FakePython::frame(std::uint64_t address, std::uint64_t code, std::uint64_t previous, int lasti,
                       std::uint8_t owner) {
  memory.map(address, 384);
  memory.put(address + layout.frame_previous, previous);
  memory.put(address + layout.frame_code, code);
  if ((layout.flags & PY_FRAME_OBJECTS) != 0) {
    memory.put(address + layout.frame_instr, lasti);
  } else {
    memory.put(address + layout.frame_instr, code + layout.code_bytecode + static_cast<std::uint64_t>(lasti));
    memory.put(address + layout.frame_owner, owner);
  }
}

void FakePython::top(std::uint64_t frame) { memory.put(kTstate + layout.ts_frame, frame); }

}  // namespace aiotrace::testing

extern "C" int host_read_user(void* to, uint32_t size, uint64_t address) {
  return aiotrace::testing::present != nullptr && aiotrace::testing::present->read(to, size, address) ? 0 : -1;
}

extern "C" void host_take_record(const void* record, uint64_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(record);
  aiotrace::testing::present->records.emplace_back(bytes, bytes + size);
}
