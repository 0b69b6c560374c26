#include "decode/decode.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "abi/records.h"
#include "abi/steps.h"
#include "tests/catch.h"

using namespace aiotrace;
using decode::DecodeError;

namespace {

using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& bytes, const T& value) {
  const auto at = bytes.size();
  bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

void put(Bytes& bytes, const std::string& text) {
  for (const auto c : text) bytes.push_back(static_cast<std::byte>(c));
}

void set_size(Bytes& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data() + offsetof(record, size), &size, sizeof(size));
}

record head(std::uint16_t type) {
  return {.type = type, .version = 0, .size = 0, .pid = 1234, .tid = 1235, .time_ns = 99};
}

text latin(const std::string& value) {
  return {.length = static_cast<std::uint32_t>(value.size()),
          .bytes = static_cast<std::uint16_t>(value.size()),
          .width = static_cast<std::uint8_t>(value.empty() ? 0 : 1),
          .flags = 0};
}

Bytes loop_bytes() {
  loop_record raw{.head = head(RECORD_LOOP), .epfd = 5, .kind = LOOP_ASYNCIO, .comm = {}};
  std::memcpy(raw.comm, "python3", 7);
  Bytes bytes;
  put(bytes, raw);
  set_size(bytes);
  return bytes;
}

Bytes code_bytes(text function, const std::string& function_text, const std::string& table = "\1\2\3") {
  code_record raw{.head = head(RECORD_CODE),
                  .code_id = 7,
                  .address = 0x1000,
                  .linetable = 0x2000,
                  .firstlineno = 42,
                  .flags = 0x80,
                  .linetable_size = 3,
                  .linetable_bytes = static_cast<std::uint32_t>(table.size()),
                  .name_address = 0x3000,
                  .filename_address = 0x4000,
                  .name = function,
                  .filename = latin("app/a.py")};
  Bytes bytes;
  put(bytes, raw);
  put(bytes, function_text);
  put(bytes, std::string("app/a.py"));
  put(bytes, table);
  set_size(bytes);
  return bytes;
}

Bytes stack_bytes(std::uint32_t count = 2) {
  stack_record raw{.head = head(RECORD_STACK), .stack_id = 77, .count = count, .flags = STACK_TOO_DEEP};
  Bytes bytes;
  put(bytes, raw);
  put(bytes, frame{.code_id = 7, .lasti = 12, .flags = FRAME_COROUTINE});
  put(bytes, frame{.code_id = 8, .lasti = -1, .flags = 0});
  set_size(bytes);
  return bytes;
}

Bytes task_bytes(text name = latin("fetch-17"), const std::string& name_text = "fetch-17") {
  task_record raw{.head = head(RECORD_TASK),
                  .iteration = 3,
                  .task = 0x10,
                  .coroutine = 0x20,
                  .code_id = 7,
                  .name = name,
                  .qualname = latin("App.run")};
  Bytes bytes;
  put(bytes, raw);
  put(bytes, name_text);
  put(bytes, std::string("App.run"));
  set_size(bytes);
  return bytes;
}

Bytes blocked_bytes(std::uint32_t cause = CAUSE_NETWORK) {
  blocked_record raw{};
  raw.head = head(RECORD_BLOCKED);
  raw.iteration = 3;
  raw.start_ns = 1'000;
  raw.blocked_ns = 200;
  raw.runnable_ns = 10;
  raw.stack_id = 77;
  for (std::uint64_t i = 0; i < 4; ++i) raw.args[i] = 100 + i;
  raw.cause = cause;
  raw.syscall = 45;
  raw.count = 2;
  raw.fd = 14;
  raw.holder_tstate = 0x50;
  raw.holder_stack = 78;
  raw.holder_tid = 1236;
  raw.flags = BLOCKED_HAS_TASK;
  Bytes bytes;
  put(bytes, raw);
  set_size(bytes);
  return bytes;
}

Bytes sample_bytes(std::uint32_t words = 2) {
  sample_record raw{.head = head(RECORD_SAMPLE),
                    .iteration = 3,
                    .stack_id = 77,
                    .ip = 0xabc,
                    .callback = 0x77,
                    .sp = 0x7000,
                    .bp = 0x7010,
                    .cpu_ns = 1'500'000,
                    .syscall = -1,
                    .flags = SAMPLE_GC | SAMPLE_HAS_TASK,
                    .words = words,
                    .pad = 0};
  Bytes bytes;
  put(bytes, raw);
  put(bytes, std::uint64_t{11});
  put(bytes, std::uint64_t{12});
  set_size(bytes);
  return bytes;
}

Bytes native_bytes(std::uint32_t stack_bytes = 3) {
  native_record raw{};
  raw.head = head(RECORD_NATIVE);
  raw.iteration = 3;
  for (std::uint64_t i = 0; i < NATIVE_REGISTERS; ++i) raw.registers[i] = 100 + i;
  raw.stack_bytes = stack_bytes;
  Bytes bytes;
  put(bytes, raw);
  put(bytes, std::string("abc"));
  set_size(bytes);
  return bytes;
}

Bytes runs_bytes(std::uint32_t count = 2) {
  Bytes bytes;
  put(bytes, runs_record{.head = head(RECORD_RUNS), .iteration = 3, .since_ns = 1'000, .count = count, .pad = 0});
  put(bytes, run{.end_ns = 2'000, .pid = 71, .pad = 0, .comm = "older"});
  put(bytes, run{.end_ns = 3'000, .pid = 70, .pad = 0, .comm = "newer"});
  set_size(bytes);
  return bytes;
}

Bytes iteration_bytes() {
  iteration_record raw{};
  raw.head = head(RECORD_ITERATION);
  raw.iteration = 3;
  raw.start_ns = 1'000;
  raw.duration_ns = 60'000'000;
  for (std::uint32_t i = 0; i < CAUSE_MAX; ++i) {
    raw.cause_ns[i] = 1'000 + i;
    raw.cause_count[i] = i;
  }
  raw.epfd = 5;
  raw.samples = 9;
  raw.flags = ITERATION_OPEN_START;
  raw.losses = 4;
  Bytes bytes;
  put(bytes, raw);
  set_size(bytes);
  return bytes;
}

Bytes exec_bytes() {
  exec_record raw{.head = head(RECORD_EXEC), .comm = {}};
  std::memset(raw.comm, 'x', sizeof(raw.comm));  // not terminated
  Bytes bytes;
  put(bytes, raw);
  set_size(bytes);
  return bytes;
}

Bytes exit_bytes(std::uint16_t type) {
  Bytes bytes;
  put(bytes, exit_record{.head = head(type), .exit_code = 9, .pad = 0});
  set_size(bytes);
  return bytes;
}

Bytes fork_bytes() {
  Bytes bytes;
  put(bytes, fork_record{.head = head(RECORD_FORK), .child_pid = 55, .child_tid = 56});
  set_size(bytes);
  return bytes;
}

Bytes target_bytes(std::uint32_t kind = TARGET_IS_FILE,
                   const std::string& text = std::string("x.db\0data\0srv\0", 14)) {
  target_record raw{};
  raw.head = head(RECORD_TARGET);
  raw.iteration = 3;
  raw.inode = 17;
  raw.kind = kind;
  raw.fd = 14;
  raw.syscall = 45;
  raw.mode = 0100644;
  raw.family = 2;
  raw.protocol = 6;
  raw.local_port = 51034;
  raw.peer_port = 443;
  raw.local[0] = 127;
  raw.peer[0] = 10;
  raw.peer[15] = 9;
  raw.child_pid = 55;
  raw.text_bytes = static_cast<std::uint32_t>(text.size());
  raw.socket_type = 1;
  raw.text_is_peers = 1;
  raw.deleted = 1;
  std::memcpy(raw.comm, "sh", 2);
  Bytes bytes;
  put(bytes, raw);
  put(bytes, text);
  set_size(bytes);
  return bytes;
}

std::vector<Bytes> one_of_each() {
  return {loop_bytes(),
          code_bytes(latin("f"), "f"),
          stack_bytes(),
          task_bytes(),
          blocked_bytes(),
          sample_bytes(),
          iteration_bytes(),
          exec_bytes(),
          exit_bytes(RECORD_THREAD_EXIT),
          fork_bytes(),
          exit_bytes(RECORD_PROCESS_EXIT),
          target_bytes(),
          native_bytes(),
          runs_bytes()};
}

template <class T>
T decoded(const Bytes& bytes) {
  const auto event = decode::decode(bytes);
  REQUIRE(event.has_value());
  REQUIRE(std::holds_alternative<T>(*event));
  const auto& value = std::get<T>(*event);
  CHECK(value.head.pid == 1234);
  CHECK(value.head.tid == 1235);
  CHECK(value.head.time_ns == 99);
  return value;
}

DecodeError refused(const Bytes& bytes) {
  const auto event = decode::decode(bytes);
  REQUIRE_FALSE(event.has_value());
  return event.error();
}

// A copy of exactly that many bytes on the heap, at an odd address: AddressSanitizer detects reads beyond it.
struct Exact {
  Exact(const Bytes& bytes, std::size_t size) : storage(std::make_unique<std::byte[]>(size + 1)), length(size) {
    std::copy_n(bytes.begin(), size, storage.get() + 1);
  }
  [[nodiscard]] std::span<std::byte> span() const { return {storage.get() + 1, length}; }
  std::unique_ptr<std::byte[]> storage;
  std::size_t length;
};

}  // namespace

TEST_CASE("each record type is decoded with all its fields", "[decode]") {
  const auto loop = decoded<model::LoopSeen>(loop_bytes());
  CHECK(loop.epfd == 5);
  CHECK(loop.source == model::LoopSource::asyncio);
  CHECK(loop.comm == "python3");

  const auto code = decoded<model::CodeSeen>(code_bytes(latin("f"), "f"));
  CHECK(code.code_id == 7);
  CHECK(code.address == 0x1000);
  CHECK(code.linetable_address == 0x2000);
  CHECK(code.first_line == 42);
  CHECK(code.flags == 0x80);
  CHECK(code.function == "f");
  CHECK(code.file == "app/a.py");
  CHECK(code.function_address == 0x3000);
  CHECK(code.file_address == 0x4000);
  CHECK_FALSE(code.function_cut);
  CHECK_FALSE(code.file_cut);
  CHECK(code.linetable_size == 3);
  CHECK(code.linetable == std::vector<std::uint8_t>{1, 2, 3});

  const auto stack = decoded<model::StackSeen>(stack_bytes());
  CHECK(stack.stack_id == 77);
  CHECK(stack.too_deep);
  CHECK_FALSE(stack.unreadable);
  REQUIRE(stack.frames.size() == 2);
  CHECK(stack.frames[0].code_id == 7);
  CHECK(stack.frames[0].lasti == 12);
  CHECK(stack.frames[0].coroutine);
  CHECK(stack.frames[1].code_id == 8);
  CHECK(stack.frames[1].lasti == -1);
  CHECK_FALSE(stack.frames[1].coroutine);

  const auto task = decoded<model::TaskSeen>(task_bytes());
  CHECK(task.iteration == 3);
  CHECK(task.task == 0x10);
  CHECK(task.coroutine == 0x20);
  CHECK(task.code_id == 7);
  CHECK(task.name == "fetch-17");
  CHECK(task.name_known);
  CHECK(task.qualname == "App.run");

  const auto blocked = decoded<model::Blocked>(blocked_bytes());
  CHECK(blocked.iteration == 3);
  CHECK(blocked.start_ns == 1'000);
  CHECK(blocked.blocked_ns == 200);
  CHECK(blocked.runnable_ns == 10);
  CHECK(blocked.stack_id == 77);
  CHECK(blocked.args == std::array<std::uint64_t, 4>{100, 101, 102, 103});
  CHECK(blocked.cause == model::Cause::network);
  CHECK(blocked.syscall == 45);
  CHECK(blocked.count == 2);
  CHECK(blocked.fd == 14);
  CHECK(blocked.holder_tstate == 0x50);
  CHECK(blocked.holder_stack == 78);
  CHECK(blocked.holder_tid == 1236);
  CHECK(blocked.has_task);
  CHECK_FALSE(blocked.has_target);

  const auto sample = decoded<model::Sample>(sample_bytes());
  CHECK(sample.iteration == 3);
  CHECK(sample.stack_id == 77);
  CHECK(sample.ip == 0xabc);
  CHECK(sample.syscall == -1);
  CHECK_FALSE(sample.kernel);
  CHECK(sample.gc);
  CHECK(sample.has_task);
  CHECK(sample.words == std::vector<std::uint64_t>{11, 12});
  CHECK(sample.sp == 0x7000);
  CHECK(sample.bp == 0x7010);
  CHECK(sample.cpu_ns == 1'500'000);
  CHECK_FALSE(sample.wants_fine);
  CHECK_FALSE(sample.has_native);

  const auto native = decoded<model::NativeSeen>(native_bytes());
  CHECK(native.iteration == 3);
  for (std::size_t i = 0; i < native.registers.size(); ++i) CHECK(native.registers[i] == 100 + i);
  CHECK(native.stack == std::vector<std::byte>{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}});

  const auto runs = decoded<model::RunsSeen>(runs_bytes());
  CHECK(runs.iteration == 3);
  CHECK(runs.since_ns == 1'000);
  REQUIRE(runs.runs.size() == 2);
  CHECK(runs.runs[0].end_ns == 3'000);
  CHECK(runs.runs[0].pid == 70);
  CHECK(runs.runs[1].comm == "older");

  const auto end = decoded<model::IterationEnd>(iteration_bytes());
  CHECK(end.iteration == 3);
  CHECK(end.start_ns == 1'000);
  CHECK(end.duration_ns == 60'000'000);
  CHECK(end.cause_ns[14] == 1'014);
  CHECK(end.cause_count[8] == 8);
  CHECK(end.epfd == 5);
  CHECK(end.samples == 9);
  CHECK(end.losses == 4);
  CHECK(end.open_start);
  CHECK_FALSE(end.exited);

  CHECK(decoded<model::ProcessExec>(exec_bytes()).comm == std::string(16, 'x'));
  decoded<model::ThreadExit>(exit_bytes(RECORD_THREAD_EXIT));
  CHECK(decoded<model::ProcessExit>(exit_bytes(RECORD_PROCESS_EXIT)).exit_code == 9);
  const auto fork = decoded<model::ProcessFork>(fork_bytes());
  CHECK(fork.child_pid == 55);
  CHECK(fork.child_tid == 56);
}

TEST_CASE("the target of a wait is decoded with all its fields", "[decode]") {
  const auto file = decoded<model::TargetSeen>(target_bytes());
  CHECK(file.iteration == 3);
  CHECK(file.kind == model::TargetSeen::Kind::file);
  CHECK(file.inode == 17);
  CHECK(file.fd == 14);
  CHECK(file.syscall == 45);
  CHECK(file.mode == 0100644);
  CHECK(file.deleted);
  CHECK(file.path == "/srv/data/x.db");
  CHECK(file.family == 2);
  CHECK(file.protocol == 6);
  CHECK(file.socket_type == 1);
  CHECK(file.local_port == 51034);
  CHECK(file.peer_port == 443);
  CHECK(file.local[0] == 127);
  CHECK(file.peer[0] == 10);
  CHECK(file.peer[15] == 9);
  CHECK(file.child_pid == 55);
  CHECK(file.comm == "sh");
  CHECK(decoded<model::TargetSeen>(target_bytes(TARGET_IS_FILE, "")).path == "/");
  CHECK(decoded<model::TargetSeen>(target_bytes(TARGET_IS_FILE, "cut")).path == "/cut");
  CHECK(decoded<model::TargetSeen>(target_bytes(TARGET_IS_FILE, std::string("\xff\0", 2))).path == "/\ufffd");
  const auto path = decoded<model::TargetSeen>(target_bytes(TARGET_IS_PATH, std::string("a/b\0junk", 8)));
  CHECK(path.kind == model::TargetSeen::Kind::path);
  CHECK(path.path == "a/b");
  const auto socket = decoded<model::TargetSeen>(target_bytes(TARGET_IS_SOCKET, "/run/x.sock"));
  CHECK(socket.path == "/run/x.sock");
  CHECK(socket.path_is_peers);
  CHECK(decoded<model::TargetSeen>(target_bytes(TARGET_IS_CHILD, "")).kind == model::TargetSeen::Kind::child);
  CHECK(refused(target_bytes(0, "")) == DecodeError::bad_value);
  CHECK(refused(target_bytes(TARGET_IS_ADDRESS + 1, "")) == DecodeError::bad_value);
  CHECK(refused(target_bytes(TARGET_IS_PATH, std::string(TARGET_TEXT_MAX + 1, 'a'))) == DecodeError::bad_text);
}

TEST_CASE("text of every width, cut, numbered and missing", "[decode]") {
  const text wide{.length = 3, .bytes = 4, .width = 2, .flags = TEXT_CUT};
  const auto code = decoded<model::CodeSeen>(code_bytes(wide, "\x16\x04\x3b\x04"));
  CHECK(code.function == "Жл");
  CHECK(code.function_cut);

  const text wider{.length = 1, .bytes = 4, .width = 4, .flags = 0};
  CHECK(decoded<model::CodeSeen>(code_bytes(wider, std::string("\x00\xf6\x01\x00", 4))).function == "😀");

  const text number{.length = 0, .bytes = 8, .width = 0, .flags = TEXT_NUMBER};
  const auto numbered = decoded<model::TaskSeen>(task_bytes(number, std::string("\x39\x30\0\0\0\0\0\0", 8)));
  CHECK(numbered.name == "Task-12345");
  CHECK(numbered.name_known);

  const auto unnamed = decoded<model::TaskSeen>(task_bytes(text{}, ""));
  CHECK(unnamed.name.empty());
  CHECK_FALSE(unnamed.name_known);
  CHECK(unnamed.qualname == "App.run");
}

TEST_CASE("a record that contradicts itself is refused for a named reason", "[decode]") {
  CHECK(refused({}) == DecodeError::too_short);
  auto bytes = loop_bytes();
  bytes[offsetof(record, version)] = std::byte{1};
  CHECK(refused(bytes) == DecodeError::bad_version);
  for (const std::uint16_t type : {0, int{RECORD_MAX}, 0xffff}) {
    bytes = loop_bytes();
    std::memcpy(bytes.data(), &type, sizeof(type));
    CHECK(refused(bytes) == DecodeError::bad_type);
  }
  bytes = loop_bytes();
  bytes.pop_back();
  CHECK(refused(bytes) == DecodeError::bad_size);
  bytes = loop_bytes();
  bytes[offsetof(loop_record, kind)] = std::byte{3};
  CHECK(refused(bytes) == DecodeError::bad_value);
  CHECK(refused(blocked_bytes(CAUSE_MAX)) == DecodeError::bad_value);
  CHECK(refused(blocked_bytes(CAUSE_PYTHON)) == DecodeError::bad_value);
  CHECK(refused(blocked_bytes(CAUSE_UNKNOWN)) == DecodeError::bad_value);
  CHECK(refused(blocked_bytes(256 + CAUSE_NETWORK)) == DecodeError::bad_value);
  CHECK(refused(stack_bytes(3)) == DecodeError::bad_count);
  CHECK(refused(stack_bytes(MAX_FRAMES + 1)) == DecodeError::bad_count);
  CHECK(refused(stack_bytes(0xffffffff)) == DecodeError::bad_count);
  CHECK(refused(sample_bytes(3)) == DecodeError::bad_count);
  CHECK(refused(sample_bytes(0x20000002)) == DecodeError::bad_count);
  CHECK(refused(runs_bytes(3)) == DecodeError::bad_count);
  CHECK(refused(runs_bytes(RUNS_MAX + 1)) == DecodeError::bad_count);
  CHECK(refused(native_bytes(4)) == DecodeError::bad_count);
  CHECK(refused(native_bytes(NATIVE_STACK_MAX + 1)) == DecodeError::bad_count);
  CHECK(refused(code_bytes(latin("f"), "f", "\1\2\3\4")) == DecodeError::bad_count);
  const text odd{.length = 2, .bytes = 3, .width = 2, .flags = 0};
  CHECK(refused(code_bytes(odd, "abc")) == DecodeError::bad_text);
  const text strange{.length = 1, .bytes = 3, .width = 3, .flags = 0};
  CHECK(refused(code_bytes(strange, "abc")) == DecodeError::bad_text);
  const text none{.length = 0, .bytes = 1, .width = 0, .flags = 0};
  CHECK(refused(code_bytes(none, "a")) == DecodeError::bad_text);
  const text more{.length = 1, .bytes = 2, .width = 1, .flags = 0};
  CHECK(refused(code_bytes(more, "ab")) == DecodeError::bad_text);
  const text long_number{.length = 0, .bytes = 9, .width = 0, .flags = TEXT_NUMBER};
  CHECK(refused(task_bytes(long_number, "123456789")) == DecodeError::bad_text);
  const text huge{.length = 0xffffffff, .bytes = TEXT_MAX + 1, .width = 1, .flags = 0};
  CHECK(refused(code_bytes(huge, std::string(TEXT_MAX + 1, 'a'))) == DecodeError::bad_text);
  CHECK(decode::name(DecodeError::bad_text) == "bad-text");
  CHECK(decode::name(DecodeError::too_short) == "too-short");
  CHECK(decode::name(DecodeError::bad_value) == "bad-value");
}

TEST_CASE("a stack of the most frames is taken, of one more refused, though all the bytes are there", "[decode]") {
  for (const std::uint32_t count : {MAX_FRAMES, MAX_FRAMES + 1}) {
    Bytes bytes;
    put(bytes, stack_record{.head = head(RECORD_STACK), .stack_id = 77, .count = count, .flags = 0});
    for (std::uint32_t i = 0; i < count; ++i) put(bytes, frame{.code_id = i, .lasti = 0, .flags = 0});
    set_size(bytes);
    if (count == MAX_FRAMES) {
      CHECK(decoded<model::StackSeen>(bytes).frames.size() == MAX_FRAMES);
    } else {
      CHECK(refused(bytes) == DecodeError::bad_count);
    }
  }
}

TEST_CASE("bytes behind the record's size are not looked at", "[decode]") {
  auto bytes = sample_bytes();
  bytes.resize(bytes.size() + 5, std::byte{0xff});
  CHECK(decoded<model::Sample>(bytes).words.size() == 2);
}

TEST_CASE("a record cut at any length is refused and nothing beyond is read", "[decode]") {
  for (const auto& bytes : one_of_each()) {
    REQUIRE(decode::decode(Exact(bytes, bytes.size()).span()).has_value());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Exact honest(bytes, size);
      if (decode::decode(honest.span()).has_value()) FAIL("accepted at " << size << " of " << bytes.size());
      if (size < sizeof(record)) continue;
      // The same with a size field that agrees with the cut.
      const auto claimed = static_cast<std::uint32_t>(size);
      std::memcpy(honest.span().data() + offsetof(record, size), &claimed, sizeof(claimed));
      if (decode::decode(honest.span()).has_value()) FAIL("accepted at " << size << " of " << bytes.size());
    }
  }
}

TEST_CASE("damaged records never crash decode", "[decode]") {
  std::mt19937 random(20241105);
  const auto originals = one_of_each();
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = originals[random() % originals.size()];
    for (auto flips = 1 + random() % 4; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    const Exact exact(bytes, bytes.size());
    const auto event = decode::decode(exact.span());
    if (event && std::holds_alternative<model::StackSeen>(*event)) {
      REQUIRE(std::get<model::StackSeen>(*event).frames.size() <= 2);
    }
  }
}

TEST_CASE("an await chain is decoded, and refused where it lies", "[decode]") {
  chain_record raw{};
  raw.head = head(RECORD_CHAIN);
  raw.chain = 1;
  raw.task = 2;
  raw.coroutine = 3;
  raw.count = 2;
  raw.too_deep = 1;
  raw.links[0] = {.code = 4, .lasti = 5, .pad = 0};
  raw.links[1] = {.code = 6, .lasti = -1, .pad = 0};
  const auto bytes_of = [](const chain_record& record) {
    Bytes bytes;
    put(bytes, record);
    set_size(bytes);
    return bytes;
  };
  const auto bytes = bytes_of(raw);
  const auto seen = decode::decode_chain(bytes);
  REQUIRE(seen);
  CHECK(seen->head.pid == 1234);
  CHECK(seen->chain == 1);
  CHECK(seen->task == 2);
  CHECK(seen->coroutine == 3);
  CHECK(seen->too_deep);
  REQUIRE(seen->links.size() == 2);
  CHECK(seen->links[0].code == 4);
  CHECK(seen->links[0].lasti == 5);
  CHECK(seen->links[1].code == 6);
  CHECK(seen->links[1].lasti == -1);

  const auto refusal = [](const Bytes& data) {
    const auto chain = decode::decode_chain(data);
    REQUIRE_FALSE(chain);
    return chain.error();
  };
  raw.count = CHAIN_MAX;
  CHECK(decode::decode_chain(bytes_of(raw))->links.size() == CHAIN_MAX);
  raw.count = CHAIN_MAX + 1;
  CHECK(refusal(bytes_of(raw)) == DecodeError::bad_count);
  CHECK(refusal(loop_bytes()) == DecodeError::bad_type);
  for (std::size_t size = 0; size < bytes.size(); size++) {
    const Exact cut(bytes, size);
    CHECK_FALSE(decode::decode_chain(cut.span()));
  }
}
