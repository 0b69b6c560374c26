#include "decode/decode.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "abi/cause.h"
#include "abi/config.h"
#include "abi/loop_queue.h"
#include "abi/records.h"
#include "abi/steps.h"
#include "decode/reader.h"
#include "model/cause.h"
#include "model/losses.h"
#include "util/text.h"

namespace aiotrace::decode {
namespace {

using model::Cause;
using model::Event;
template <class T>
using Decoded = std::expected<T, DecodeError>;

template <class Ours, class Theirs>
constexpr bool same(Ours ours, Theirs theirs) {
  return static_cast<unsigned>(ours) == static_cast<unsigned>(theirs);
}
using model::Loss;
static_assert(same(Loss::ring_full, LOSS_RING_FULL) && same(Loss::threads_full, LOSS_THREADS_FULL) &&
              same(Loss::stack_unreadable, LOSS_STACK_UNREADABLE) && same(Loss::stack_too_deep, LOSS_STACK_TOO_DEEP) &&
              same(Loss::thread_unknown, LOSS_THREAD_UNKNOWN) && same(Loss::name_unreadable, LOSS_NAME_UNREADABLE) &&
              same(Loss::task_unreadable, LOSS_TASK_UNREADABLE) && same(Loss::seen_full, LOSS_SEEN_FULL) &&
              same(Loss::switch_unseen, LOSS_SWITCH_UNSEEN) && same(Loss::native_missing, LOSS_NATIVE_MISSING) &&
              model::kKernelLosses == LOSS_MAX);

static_assert(model::Sample::kMostWords == SAMPLE_WORDS && model::NativeSeen::kMostBytes == NATIVE_STACK_MAX);

model::EventHead head_of(const record& head) { return {.pid = head.pid, .tid = head.tid, .time_ns = head.time_ns}; }

template <std::size_t N>
std::string comm_of(const char (&comm)[N]) {
  return valid_utf8(std::string_view(comm, strnlen(comm, N)));
}

struct Text {
  std::string utf8;
  bool known = false;
  bool cut = false;
};

Decoded<Text> read_text(Reader& in, const text& described) {
  if (described.bytes > TEXT_MAX) return std::unexpected(DecodeError::bad_text);
  const auto bytes = in.take(described.bytes);
  if (!bytes) return std::unexpected(DecodeError::bad_text);
  if ((described.flags & TEXT_NUMBER) != 0) {
    std::uint64_t number = 0;
    if (bytes->size() != sizeof(number)) return std::unexpected(DecodeError::bad_text);
    std::memcpy(&number, bytes->data(), sizeof(number));
    return Text{.utf8 = "Task-" + std::to_string(number), .known = true};
  }
  if (described.width == 0) {
    if (!bytes->empty()) return std::unexpected(DecodeError::bad_text);
    return Text{};
  }
  if (described.width != 1 && described.width != 2 && described.width != 4) {
    return std::unexpected(DecodeError::bad_text);
  }
  const auto characters = bytes->size() / described.width;
  if (bytes->size() % described.width != 0 || characters > described.length) {
    return std::unexpected(DecodeError::bad_text);
  }
  return Text{.utf8 = utf8_from_cpython(*bytes, described.width),
              .known = true,
              .cut = (described.flags & TEXT_CUT) != 0 || characters < described.length};
}

Decoded<Event> decode_loop(Reader& in) {
  const auto raw = in.get<loop_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  model::LoopSeen event{.head = head_of(raw->head), .epfd = raw->epfd, .comm = comm_of(raw->comm)};
  switch (raw->kind) {
    case LOOP_PLAIN: event.source = model::LoopSource::plain; break;
    case LOOP_ASYNCIO: event.source = model::LoopSource::asyncio; break;
    case LOOP_PYTHON: event.source = model::LoopSource::python; break;
    default: return std::unexpected(DecodeError::bad_value);
  }
  return event;
}

Decoded<Event> decode_code(Reader& in) {
  const auto raw = in.get<code_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  auto function = read_text(in, raw->name);
  if (!function) return std::unexpected(function.error());
  auto file = read_text(in, raw->filename);
  if (!file) return std::unexpected(file.error());
  if (raw->linetable_bytes > LINETABLE_MAX || raw->linetable_bytes > raw->linetable_size) {
    return std::unexpected(DecodeError::bad_count);
  }
  const auto table = in.take(raw->linetable_bytes);
  if (!table) return std::unexpected(DecodeError::bad_count);
  model::CodeSeen event{.head = head_of(raw->head),
                        .code_id = raw->code_id,
                        .address = raw->address,
                        .first_line = raw->firstlineno,
                        .flags = raw->flags,
                        .function = std::move(function->utf8),
                        .file = std::move(file->utf8),
                        .function_cut = function->cut,
                        .file_cut = file->cut,
                        .function_address = raw->name_address,
                        .file_address = raw->filename_address,
                        .linetable_address = raw->linetable,
                        .linetable_size = raw->linetable_size,
                        .linetable = {}};
  event.linetable.resize(table->size());
  if (!table->empty()) std::memcpy(event.linetable.data(), table->data(), table->size());
  return event;
}

Decoded<Event> decode_stack(Reader& in) {
  const auto raw = in.get<stack_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (raw->count > MAX_FRAMES || raw->count > in.left() / sizeof(frame)) {
    return std::unexpected(DecodeError::bad_count);
  }
  model::StackSeen event{.head = head_of(raw->head),
                         .stack_id = raw->stack_id,
                         .frames = {},
                         .unreadable = (raw->flags & STACK_UNREADABLE) != 0,
                         .too_deep = (raw->flags & STACK_TOO_DEEP) != 0};
  event.frames.reserve(raw->count);
  for (std::uint32_t i = 0; i < raw->count; ++i) {
    const auto one = in.get<frame>();
    if (!one) return std::unexpected(DecodeError::bad_count);
    event.frames.push_back({.code_id = one->code_id,
                            .lasti = one->lasti,
                            .coroutine = (one->flags & FRAME_COROUTINE) != 0,
                            .entry = (one->flags & FRAME_ENTRY) != 0});
  }
  return event;
}

Decoded<Event> decode_task(Reader& in) {
  const auto raw = in.get<task_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  auto task_name = read_text(in, raw->name);
  if (!task_name) return std::unexpected(task_name.error());
  auto qualname = read_text(in, raw->qualname);
  if (!qualname) return std::unexpected(qualname.error());
  return model::TaskSeen{.head = head_of(raw->head),
                         .iteration = raw->iteration,
                         .task = raw->task,
                         .coroutine = raw->coroutine,
                         .code_id = raw->code_id,
                         .name = std::move(task_name->utf8),
                         .name_known = task_name->known,
                         .qualname = std::move(qualname->utf8),
                         .name_cut = task_name->cut,
                         .qualname_cut = qualname->cut};
}

Decoded<Event> decode_blocked(Reader& in) {
  const auto raw = in.get<blocked_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (const auto cause = static_cast<Cause>(raw->cause);
      raw->cause >= CAUSE_MAX || !(model::blocked(cause) || model::runnable(cause)))
    return std::unexpected(DecodeError::bad_value);
  model::Blocked event{.head = head_of(raw->head),
                       .iteration = raw->iteration,
                       .start_ns = raw->start_ns,
                       .blocked_ns = raw->blocked_ns,
                       .runnable_ns = raw->runnable_ns,
                       .stack_id = raw->stack_id,
                       .cause = static_cast<Cause>(raw->cause),
                       .syscall = raw->syscall,
                       .count = raw->count,
                       .fd = raw->fd,
                       .holder_tstate = raw->holder_tstate,
                       .holder_stack = raw->holder_stack,
                       .holder_tid = raw->holder_tid,
                       .has_task = (raw->flags & BLOCKED_HAS_TASK) != 0,
                       .has_target = (raw->flags & BLOCKED_HAS_TARGET) != 0,
                       .throttled = (raw->flags & BLOCKED_THROTTLED) != 0,
                       .has_native = (raw->flags & BLOCKED_HAS_NATIVE) != 0,
                       .has_runs = (raw->flags & BLOCKED_HAS_RUNS) != 0,
                       .holds_gil = (raw->flags & BLOCKED_HOLDS_GIL) != 0,
                       .runner_pid = raw->runner_pid,
                       .runner_comm = comm_of(raw->runner_comm)};
  for (std::size_t i = 0; i < event.args.size(); ++i) event.args[i] = raw->args[i];
  return event;
}

Decoded<Event> decode_runs(Reader& in) {
  const auto raw = in.get<runs_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (raw->count > RUNS_MAX) return std::unexpected(DecodeError::bad_count);
  model::RunsSeen seen{.head = head_of(raw->head), .iteration = raw->iteration, .since_ns = raw->since_ns, .runs = {}};
  for (std::uint32_t i = 0; i < raw->count; ++i) {
    const auto one = in.get<run>();
    if (!one) return std::unexpected(DecodeError::bad_count);
    seen.runs.push_back({.end_ns = one->end_ns, .pid = one->pid, .comm = comm_of(one->comm)});
  }
  std::ranges::reverse(seen.runs);
  return seen;
}

// Converts names from the file upwards, each ended by a zero byte, to a path from the root.
std::string path_from_names(std::string_view names) {
  std::string path;
  while (!names.empty()) {
    const auto end = std::min(names.find('\0'), names.size());
    path.insert(0, "/" + valid_utf8(names.substr(0, end)));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return path.empty() ? "/" : path;
}

std::optional<model::TargetSeen::Kind> target_kind(std::uint32_t kind) {
  using Kind = model::TargetSeen::Kind;
  switch (kind) {
    case TARGET_IS_PATH: return Kind::path;
    case TARGET_IS_FILE: return Kind::file;
    case TARGET_IS_SOCKET: return Kind::socket;
    case TARGET_IS_CHILD: return Kind::child;
    case TARGET_IS_ADDRESS: return Kind::address;
    default: return std::nullopt;
  }
}

Decoded<Event> decode_target(Reader& in) {
  const auto raw = in.get<target_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  const auto kind = target_kind(raw->kind);
  if (!kind) return std::unexpected(DecodeError::bad_value);
  if (raw->text_bytes > TARGET_TEXT_MAX) return std::unexpected(DecodeError::bad_text);
  const auto bytes = in.take(raw->text_bytes);
  if (!bytes) return std::unexpected(DecodeError::bad_text);
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  model::TargetSeen seen{.head = head_of(raw->head),
                         .iteration = raw->iteration,
                         .kind = *kind,
                         .fd = raw->fd,
                         .syscall = raw->syscall,
                         .inode = raw->inode,
                         .address = raw->address,
                         .mode = raw->mode,
                         .deleted = raw->deleted != 0,
                         .path = {},
                         .path_is_peers = false,
                         .family = raw->family,
                         .protocol = raw->protocol,
                         .socket_type = raw->socket_type,
                         .local_port = raw->local_port,
                         .peer_port = raw->peer_port,
                         .local = std::to_array(raw->local),
                         .peer = std::to_array(raw->peer),
                         .child_pid = raw->child_pid,
                         .comm = comm_of(raw->comm)};
  if (*kind == model::TargetSeen::Kind::file) {
    seen.path = path_from_names(text);
  } else {
    seen.path = valid_utf8(text.substr(0, text.find('\0')));
    seen.path_is_peers = raw->text_is_peers != 0;
  }
  return seen;
}

Decoded<Event> decode_sample(Reader& in) {
  const auto raw = in.get<sample_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (raw->words > SAMPLE_WORDS) return std::unexpected(DecodeError::bad_count);
  const auto words = in.take(raw->words * sizeof(std::uint64_t));
  if (!words) return std::unexpected(DecodeError::bad_count);
  model::Sample event{.head = head_of(raw->head),
                      .iteration = raw->iteration,
                      .stack_id = raw->stack_id,
                      .ip = raw->ip,
                      .callback = raw->callback,
                      .sp = raw->sp,
                      .bp = raw->bp,
                      .cpu_ns = raw->cpu_ns,
                      .syscall = raw->syscall,
                      .kernel = (raw->flags & SAMPLE_KERNEL) != 0,
                      .gc = (raw->flags & SAMPLE_GC) != 0,
                      .has_task = (raw->flags & SAMPLE_HAS_TASK) != 0,
                      .has_native = (raw->flags & SAMPLE_HAS_NATIVE) != 0,
                      .wants_fine = (raw->flags & SAMPLE_WANTS_FINE) != 0,
                      .holds_gil = (raw->flags & SAMPLE_HOLDS_GIL) != 0,
                      .words = {}};
  event.words.resize(raw->words);
  if (!words->empty()) std::memcpy(event.words.data(), words->data(), words->size());
  return event;
}

Decoded<Event> decode_native(Reader& in) {
  const auto raw = in.get<native_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (raw->stack_bytes > NATIVE_STACK_MAX) return std::unexpected(DecodeError::bad_count);
  const auto stack = in.take(raw->stack_bytes);
  if (!stack) return std::unexpected(DecodeError::bad_count);
  model::NativeSeen seen{.head = head_of(raw->head),
                         .iteration = raw->iteration,
                         .registers = {},
                         .stack = {stack->begin(), stack->end()}};
  static_assert(std::tuple_size_v<decltype(seen.registers)> == NATIVE_REGISTERS && NATIVE_IP == 0 && NATIVE_SP == 1);
  std::ranges::copy(raw->registers, seen.registers.begin());
  return seen;
}

// 1 + a number; 0: unknown.
std::optional<std::uint64_t> known_count(std::uint32_t value) {
  return value != 0 ? std::optional<std::uint64_t>(value - 1) : std::nullopt;
}

Decoded<Event> decode_iteration(Reader& in) {
  const auto raw = in.get<iteration_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  model::IterationEnd event{.head = head_of(raw->head),
                            .iteration = raw->iteration,
                            .start_ns = raw->start_ns,
                            .duration_ns = raw->duration_ns,
                            .epfd = raw->epfd,
                            .samples = raw->samples,
                            .losses = raw->losses,
                            .held_up = {.tasks = known_count(raw->ready),
                                        .timers = known_count(raw->timers & ~LOOP_TIMERS_AT_LEAST),
                                        .more_timers = (raw->timers & LOOP_TIMERS_AT_LEAST) != 0,
                                        .timers_late_ns = raw->timers_late_ns},
                            .exited = (raw->flags & ITERATION_EXITED) != 0,
                            .open_start = (raw->flags & ITERATION_OPEN_START) != 0};
  for (std::size_t i = 0; i < model::kCauses; ++i) {
    event.cause_ns[i] = raw->cause_ns[i];
    event.cause_count[i] = raw->cause_count[i];
  }
  return event;
}

Decoded<Event> decode_exec(Reader& in) {
  const auto raw = in.get<exec_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  return model::ProcessExec{.head = head_of(raw->head), .comm = comm_of(raw->comm)};
}

Decoded<Event> decode_exit(Reader& in, bool process) {
  const auto raw = in.get<exit_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (process) return model::ProcessExit{.head = head_of(raw->head), .exit_code = raw->exit_code};
  return model::ThreadExit{.head = head_of(raw->head)};
}

Decoded<Event> decode_fork(Reader& in) {
  const auto raw = in.get<fork_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  return model::ProcessFork{.head = head_of(raw->head), .child_pid = raw->child_pid, .child_tid = raw->child_tid};
}

// Checked before: `data` has the whole record.
Decoded<record> header_of(std::span<const std::byte> data) {
  const auto head = Reader(data).get<record>();
  if (!head) return std::unexpected(DecodeError::too_short);
  if (head->version != 0) return std::unexpected(DecodeError::bad_version);
  if (head->size > data.size()) return std::unexpected(DecodeError::bad_size);
  return *head;
}

}  // namespace

std::string_view name(DecodeError error) {
  constexpr std::array<std::string_view, kDecodeErrors> kNames{"too-short", "bad-size", "bad-version", "bad-type",
                                                               "bad-count", "bad-text", "bad-value"};
  const auto at = static_cast<std::size_t>(error);
  return at < kNames.size() ? kNames[at] : "unknown";
}

std::expected<model::AwaitChainSeen, DecodeError> decode_chain(std::span<const std::byte> data) {
  const auto head = header_of(data);
  if (!head) return std::unexpected(head.error());
  if (head->type != RECORD_CHAIN) return std::unexpected(DecodeError::bad_type);
  const auto raw = Reader(data.first(head->size)).get<chain_record>();
  if (!raw) return std::unexpected(DecodeError::too_short);
  if (raw->count > CHAIN_MAX) return std::unexpected(DecodeError::bad_count);
  model::AwaitChainSeen seen{.head = head_of(raw->head),
                             .chain = raw->chain,
                             .task = raw->task,
                             .coroutine = raw->coroutine,
                             .links = {},
                             .too_deep = raw->too_deep != 0};
  for (const auto& link : std::span(raw->links).first(raw->count))
    seen.links.push_back({.code = link.code, .lasti = link.lasti});
  return seen;
}

std::expected<model::Event, DecodeError> decode(std::span<const std::byte> data) {
  const auto head = header_of(data);
  if (!head) return std::unexpected(head.error());
  Reader in(data.first(head->size));
  switch (head->type) {
    case RECORD_LOOP: return decode_loop(in);
    case RECORD_CODE: return decode_code(in);
    case RECORD_STACK: return decode_stack(in);
    case RECORD_TASK: return decode_task(in);
    case RECORD_BLOCKED: return decode_blocked(in);
    case RECORD_TARGET: return decode_target(in);
    case RECORD_SAMPLE: return decode_sample(in);
    case RECORD_NATIVE: return decode_native(in);
    case RECORD_RUNS: return decode_runs(in);
    case RECORD_ITERATION: return decode_iteration(in);
    case RECORD_EXEC: return decode_exec(in);
    case RECORD_THREAD_EXIT: return decode_exit(in, false);
    case RECORD_PROCESS_EXIT: return decode_exit(in, true);
    case RECORD_FORK: return decode_fork(in);
    default: return std::unexpected(DecodeError::bad_type);
  }
}

}  // namespace aiotrace::decode
