// Records of the ring buffer, and the model's handling of them in any order.
#include <cstring>
#include <variant>

#include "abi/records.h"
#include "abi/steps.h"
#include "decode/decode.h"
#include "model/stacks.h"
#include "model/stall_builder.h"
#include "tests/fuzz/target.h"
#include "util/text.h"

namespace aiotrace::fuzz {
namespace {

/// The session's handling of an event, without the session.
struct Consumer {
  model::StackStore stacks{64};
  model::StallBuilder stalls{200'000'000, stacks, [](std::uint32_t, std::uint64_t) {
                               return std::optional(model::Definition{"f", "f.py", 1});
                             }};

  static void check(const model::Stall& stall) {
    std::uint64_t sum = 0;
    for (const auto& segment : stall.segments) sum += segment.ns;
    use(sum);
  }
  void operator()(const model::StackSeen& seen) {
    require(seen.frames.size() <= MAX_FRAMES, "a stack is bounded");
    model::Stack stack;
    for (const auto& frame : seen.frames) stack.push_back({.function = std::to_string(frame.code_id), .file = "f.py"});
    stacks.add(seen.head.pid, seen.stack_id, std::move(stack), seen.unreadable, seen.too_deep);
  }
  void operator()(const model::TaskSeen& seen) { stalls.add(seen); }
  void operator()(const model::Blocked& seen) {
    model::ClassifiedBlock block;
    block.blocked = seen;
    stalls.add(block);
  }
  void operator()(const model::Sample& seen) {
    model::ClassifiedSample sample;
    sample.head = seen.head;
    sample.iteration = seen.iteration;
    sample.stack_id = seen.stack_id;
    sample.has_task = seen.has_task;
    stalls.add(sample);
  }
  void operator()(const model::IterationEnd& seen) { check(stalls.end(seen)); }
  void operator()(const model::ThreadExit& seen) { stalls.forget_thread(seen.head.pid, seen.head.tid); }
  void operator()(const model::ProcessExit& seen) { stalls.forget_process(seen.head.pid); }
  void operator()(const model::CodeSeen& seen) {
    require(valid_utf8(seen.function) == seen.function && valid_utf8(seen.file) == seen.file, "names are UTF-8");
  }
  void operator()(const auto& seen) { use(seen); }
};

void fuzz_records(Bytes bytes) {
  Input input(bytes);
  Consumer consumer;
  while (!input.empty()) {
    const auto record = input.take(input.number(2));
    const auto event = decode::decode(std::as_bytes(record));
    if (event) std::visit(consumer, *event);
    const auto chain = decode::decode_chain(std::as_bytes(record));
    if (chain) require(chain->links.size() <= CHAIN_MAX, "a chain is bounded");
  }
  for (const auto& stall : consumer.stalls.take_unfinished(true)) Consumer::check(stall);
}

template <class T>
void append(std::string& to, std::uint16_t type, T raw, std::string_view behind = {}) {
  raw.head = {.type = type,
              .version = 0,
              .size = static_cast<std::uint32_t>(sizeof raw + behind.size()),
              .pid = 7,
              .tid = 8,
              .time_ns = 1000};
  const auto size = static_cast<std::uint16_t>(raw.head.size);
  to.append(reinterpret_cast<const char*>(&size), 2).append(reinterpret_cast<const char*>(&raw), sizeof raw);
  to.append(behind);
}

/// All zeroes except for the fields that `fill` sets.
template <class T>
T with(void (*fill)(T& raw)) {
  T raw{};
  fill(raw);
  return raw;
}

constexpr text kName{.length = 4, .bytes = 4, .width = 1, .flags = 0};
constexpr text kWide{.length = 2, .bytes = 4, .width = 2, .flags = 0};
constexpr frame kFrames[2] = {{.code_id = 1, .lasti = 2, .flags = 0},
                              {.code_id = 2, .lasti = -1, .flags = FRAME_COROUTINE}};

std::vector<std::string> record_seeds() {
  std::string all;
  append(all, RECORD_LOOP, with<loop_record>([](auto& raw) { raw.kind = LOOP_ASYNCIO; }));
  append(all, RECORD_CODE, with<code_record>([](auto& raw) {
           raw.code_id = 1;
           raw.linetable_size = raw.linetable_bytes = 3;
           raw.name = kName;
           raw.filename = kWide;
         }),
         "nameabcd\1\2\3");
  append(all, RECORD_STACK, with<stack_record>([](auto& raw) {
           raw.stack_id = 5;
           raw.count = 2;
         }),
         {reinterpret_cast<const char*>(kFrames), sizeof kFrames});
  append(all, RECORD_TASK, with<task_record>([](auto& raw) {
           raw.iteration = raw.task = raw.code_id = 1;
           raw.name = raw.qualname = kName;
         }),
         "taskcoro");
  append(all, RECORD_BLOCKED, with<blocked_record>([](auto& raw) {
           raw.iteration = raw.count = 1;
           raw.blocked_ns = 60'000'000;
           raw.stack_id = 5;
           raw.cause = CAUSE_NETWORK;
           raw.flags = BLOCKED_HAS_TASK;
         }));
  append(all, RECORD_TARGET, with<target_record>([](auto& raw) {
           raw.iteration = 1;
           raw.kind = TARGET_IS_PATH;
           raw.text_bytes = 5;
         }),
         {"/tmp\0", 5});
  append(all, RECORD_SAMPLE, with<sample_record>([](auto& raw) {
           raw.iteration = raw.words = 1;
           raw.stack_id = 5;
         }),
         "12345678");
  append(all, RECORD_ITERATION, with<iteration_record>([](auto& raw) {
           raw.iteration = raw.samples = 1;
           raw.duration_ns = 80'000'000;
         }));
  append(all, RECORD_CHAIN, with<chain_record>([](auto& raw) { raw.count = 2; }));
  append(all, RECORD_EXEC, exec_record{});
  append(all, RECORD_FORK, fork_record{});
  append(all, RECORD_THREAD_EXIT, exit_record{});
  append(all, RECORD_PROCESS_EXIT, exit_record{});
  return {all};
}

const Registration records({.name = "records", .run = fuzz_records, .seeds = record_seeds});

}  // namespace
}  // namespace aiotrace::fuzz
