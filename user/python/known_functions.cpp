#include "python/known_functions.h"

#include <algorithm>
#include <array>

namespace aiotrace::python {
namespace {

using enum WaitKind;
using End = WaitEnd;

constexpr bool kPasses = true;

constexpr std::string_view kTasks = "asyncio/tasks.py";
constexpr std::string_view kTaskGroups = "asyncio/taskgroups.py";
constexpr std::string_view kTimeouts = "asyncio/timeouts.py";
constexpr std::string_view kLocks = "asyncio/locks.py";
constexpr std::string_view kQueues = "asyncio/queues.py";
constexpr std::string_view kStreams = "asyncio/streams.py";
constexpr std::string_view kBaseEvents = "asyncio/base_events.py";
constexpr std::string_view kSelectorEvents = "asyncio/selector_events.py";
constexpr std::string_view kThreads = "asyncio/threads.py";
constexpr std::string_view kSubprocess = "asyncio/subprocess.py";
constexpr std::string_view kBaseSubprocess = "asyncio/base_subprocess.py";
constexpr std::string_view kFutures = "asyncio/futures.py";
constexpr std::string_view kEvents = "asyncio/events.py";
constexpr std::string_view kRunners = "asyncio/runners.py";
constexpr std::string_view kAnyio = "anyio/_backends/_asyncio.py";
constexpr std::string_view kAnyioSync = "anyio/_core/_synchronization.py";
constexpr std::string_view kAnyioMemory = "anyio/streams/memory.py";
constexpr std::string_view kWebSockets = "websockets/asyncio/messages.py";
constexpr std::string_view kWebSocketsConnection = "websockets/asyncio/connection.py";
constexpr std::string_view kWebSocketsLegacy = "websockets/legacy/protocol.py";
constexpr std::string_view kTrio = "trio/_core/_run.py";
constexpr std::string_view kCurio = "curio/kernel.py";
constexpr std::string_view kGevent = "gevent/hub.py";
constexpr std::string_view kEventlet = "eventlet/hubs/hub.py";
constexpr std::string_view kTwisted = "twisted/internet/base.py";
constexpr std::string_view kNestAsyncio = "nest_asyncio.py";
constexpr std::string_view kAiohttpProtocol = "aiohttp/web_protocol.py";
constexpr std::string_view kAiohttpStreams = "aiohttp/streams.py";
constexpr std::string_view kAiohttpWebSocket = "aiohttp/web_ws.py";
constexpr std::string_view kAiohttpClientWebSocket = "aiohttp/client_ws.py";

consteval KnownFunction machinery(std::string_view file, std::string_view function, CodeRole role) {
  return {.file = file, .function = function, .role = role};
}

consteval KnownFunction done_callback(std::string_view file, std::string_view function, WaitKind wait,
                                      std::string_view call, WaitEnd end) {
  return {.file = file, .function = function, .wait = wait, .call = call, .end = end, .role = CodeRole::done_callback};
}

constexpr auto kFunctions = std::to_array<KnownFunction>({
    // Waits. Rows of one file are adjacent; a row without a function is the last of them.
    {kTasks, "sleep", sleep, "asyncio.sleep", End::timer},
    {kTasks, "wait", wait, "asyncio.wait", End::tasks},
    {kTasks, "_wait", wait, "asyncio.wait", End::tasks, kPasses},
    {kTasks, "wait_for", future, "asyncio.wait_for", End::timer, kPasses, "timeout"},
    {kTasks, "as_completed.<locals>._wait_for_one", wait, "asyncio.as_completed", End::tasks},
    {kTasks, "_AsCompletedIterator._wait_for_one", wait, "asyncio.as_completed", End::tasks},
    {kTaskGroups, "TaskGroup.__aexit__", task_group, "TaskGroup.__aexit__", End::tasks},
    {kTaskGroups, "TaskGroup._aexit", task_group, "TaskGroup.__aexit__", End::tasks, kPasses},
    {kTimeouts, "timeout", future, "asyncio.timeout", End::unknown, kPasses},
    {kLocks, "_ContextManagerMixin.__aenter__", lock, "", End::unknown, kPasses},
    {kLocks, "Lock.acquire", lock, "Lock.acquire"},
    {kLocks, "Event.wait", event, "Event.wait"},
    {kLocks, "Condition.wait", condition, "Condition.wait"},
    {kLocks, "Condition.wait_for", condition, "Condition.wait_for"},
    {kLocks, "Semaphore.acquire", semaphore, "Semaphore.acquire"},
    {kLocks, "Barrier.wait", barrier, "Barrier.wait"},
    {kLocks, "Barrier._block", barrier, "Barrier.wait"},
    {kLocks, "Barrier._wait", barrier, "Barrier.wait"},
    {kLocks, "Barrier.__aenter__", barrier, "Barrier.wait"},
    {kQueues, "Queue.get", queue, "Queue.get", End::outside},
    {kQueues, "Queue.put", queue, "Queue.put", End::outside},
    {kQueues, "Queue.join", queue, "Queue.join", End::outside},
    {kStreams, "StreamReader._wait_for_data", socket, "StreamReader.read", End::outside, kPasses},
    {kStreams, "StreamReader.read", socket, "StreamReader.read", End::outside},
    {kStreams, "StreamReader.readline", socket, "StreamReader.readline", End::outside},
    {kStreams, "StreamReader.readuntil", socket, "StreamReader.readuntil", End::outside},
    {kStreams, "StreamReader.readexactly", socket, "StreamReader.readexactly", End::outside},
    {kStreams, "StreamReader.__anext__", socket, "StreamReader.readline", End::outside},
    {kStreams, "StreamWriter.drain", socket, "StreamWriter.drain", End::outside},
    {kStreams, "FlowControlMixin._drain_helper", socket, "StreamWriter.drain", End::outside, kPasses},
    {kStreams, "StreamWriter.wait_closed", socket, "StreamWriter.wait_closed", End::outside},
    {kStreams, "open_connection", socket, "asyncio.open_connection", End::outside},
    {kStreams, "", socket, "", End::outside, kPasses},
    {kBaseEvents, "BaseEventLoop.create_connection", socket, "loop.create_connection", End::outside},
    {kBaseEvents, "BaseEventLoop._connect_sock", socket, "loop.create_connection", End::outside, kPasses},
    {kBaseEvents, "BaseEventLoop.getaddrinfo", executor, "loop.getaddrinfo", End::outside},
    {kBaseEvents, "BaseEventLoop._ensure_resolved", executor, "loop.getaddrinfo", End::outside},
    {kBaseEvents, "Server.serve_forever", server, "Server.serve_forever", End::outside},
    {kBaseEvents, "Server.wait_closed", server, "Server.wait_closed"},
    {kBaseEvents, "BaseEventLoop.shutdown_default_executor", executor, "loop.shutdown_default_executor"},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_recv", socket, "loop.sock_recv", End::outside},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_recv_into", socket, "loop.sock_recv_into", End::outside},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_recvfrom", socket, "loop.sock_recvfrom", End::outside},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_sendall", socket, "loop.sock_sendall", End::outside},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_sendto", socket, "loop.sock_sendto", End::outside},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_connect", socket, "loop.sock_connect", End::outside},
    {kSelectorEvents, "BaseSelectorEventLoop.sock_accept", socket, "loop.sock_accept", End::outside},
    {kSelectorEvents, "", socket, "", End::outside, kPasses},
    {kThreads, "to_thread", executor, "asyncio.to_thread"},
    {kSubprocess, "Process.wait", process, "Process.wait", End::outside},
    {kSubprocess, "Process.communicate", process, "Process.communicate", End::outside},
    {kBaseSubprocess, "BaseSubprocessTransport._wait", process, "Process.wait", End::outside, kPasses},
    // Waits for a connection's peer: requests, their bodies, WebSockets.
    {kAiohttpProtocol, "RequestHandler.start", socket, "", End::outside, kPasses},
    {kAiohttpStreams, "", socket, "", End::outside, kPasses},
    {kAiohttpWebSocket, "", socket, "", End::outside, kPasses},
    {kAiohttpClientWebSocket, "", socket, "", End::outside, kPasses},

    {kWebSockets, "", socket, "", End::outside, kPasses},
    {kWebSocketsConnection, "", socket, "", End::outside, kPasses},
    {kWebSocketsLegacy, "", socket, "", End::outside, kPasses},
    // anyio 3 and 4 on asyncio.
    {kAnyio, "TaskGroup.__aexit__", task_group, "TaskGroup.__aexit__", End::tasks},
    {kAnyio, "TaskGroup.start", task_group, "TaskGroup.start", End::tasks},
    {kAnyio, "Event.wait", event, "Event.wait", End::unknown, kPasses},
    {kAnyio, "Lock.acquire", lock, "Lock.acquire"},
    {kAnyio, "Semaphore.acquire", semaphore, "Semaphore.acquire"},
    {kAnyio, "CapacityLimiter.acquire_on_behalf_of", semaphore, "CapacityLimiter.acquire"},
    {kAnyio, "CapacityLimiter.acquire", semaphore, "CapacityLimiter.acquire"},
    {kAnyio, "CapacityLimiter.__aenter__", semaphore, "CapacityLimiter.acquire"},
    {kAnyio, "AsyncIOBackend.run_sync_in_worker_thread", executor, "to_thread.run_sync", End::outside},
    {kAnyio, "run_sync_in_worker_thread", executor, "to_thread.run_sync", End::outside},
    {kAnyio, "AsyncIOBackend.wait_readable", socket, "wait_readable", End::outside},
    {kAnyio, "AsyncIOBackend.wait_writable", socket, "wait_writable", End::outside},
    {kAnyio, "SocketStream.receive", socket, "SocketStream.receive", End::outside},
    {kAnyio, "SocketStream.send", socket, "SocketStream.send", End::outside},
    {kAnyio, "UNIXSocketStream.receive", socket, "SocketStream.receive", End::outside},
    {kAnyio, "UNIXSocketStream.send", socket, "SocketStream.send", End::outside},
    {kAnyio, "UDPSocket.receive", socket, "UDPSocket.receive", End::outside},
    {kAnyio, "ConnectedUDPSocket.receive", socket, "UDPSocket.receive", End::outside},
    {kAnyio, "TCPSocketListener.accept", socket, "SocketListener.accept", End::outside},
    {kAnyio, "UNIXSocketListener.accept", socket, "SocketListener.accept", End::outside},
    {kAnyio, "Process.wait", process, "Process.wait", End::outside},
    {kAnyioSync, "Condition.wait", condition, "Condition.wait"},
    {kAnyioSync, "Condition.wait_for", condition, "Condition.wait_for"},
    {kAnyioMemory, "MemoryObjectReceiveStream.receive", queue, "MemoryObjectReceiveStream.receive", End::outside},
    {kAnyioMemory, "MemoryObjectSendStream.send", queue, "MemoryObjectSendStream.send", End::outside},

    // Futures written in Python.
    {kFutures, "Future.__await__", future, "", End::unknown, kPasses, "", CodeRole::future},

    // Functions that are called first when a future is done.
    done_callback(kTasks, "shield.<locals>._outer_done_callback", shield, "asyncio.shield", End::tasks),
    done_callback(kFutures, "_chain_future.<locals>._call_check_cancel", executor, "", End::outside),
    done_callback(kBaseEvents, "_run_until_complete_cb", unknown, "", End::program),

    // Loops.
    machinery(kBaseEvents, "BaseEventLoop._run_once", CodeRole::run_once),
    machinery(kBaseEvents, "BaseEventLoop.run_forever", CodeRole::run_forever),
    machinery(kEvents, "Handle._run", CodeRole::run_callback),
    machinery(kRunners, "", CodeRole::runner),
    machinery(kNestAsyncio, "_patch_loop.<locals>._run_once", CodeRole::run_once),
    machinery(kNestAsyncio, "_patch_loop.<locals>.run_forever", CodeRole::run_forever),
    machinery(kTrio, "run", CodeRole::other_loop),
    machinery(kTrio, "unrolled_run", CodeRole::other_loop),
    machinery(kCurio, "", CodeRole::other_loop),
    machinery(kGevent, "Hub.run", CodeRole::other_loop),
    machinery(kEventlet, "BaseHub.run", CodeRole::other_loop),
    machinery(kTwisted, "ReactorBase.run", CodeRole::other_loop),
    machinery(kTwisted, "ReactorBase.mainLoop", CodeRole::other_loop),
    machinery(kTwisted, "_SignalReactorMixin.run", CodeRole::other_loop),
    machinery(kTwisted, "_SignalReactorMixin.mainLoop", CodeRole::other_loop),
});

// The last part of a qualified name.
std::string_view bare(std::string_view function) { return function.substr(function.rfind('.') + 1); }

bool matches(const KnownFunction& row, std::string_view function, bool qualified) {
  return row.function.empty() || row.function == function || (!qualified && bare(row.function) == function);
}

}  // namespace

std::string_view package_of(std::string_view file) {
  return file.substr(0, std::min(file.find('/'), file.rfind(".py")));
}

std::span<const KnownFunction> known_functions() { return kFunctions; }

const KnownFunction* find_function(std::string_view file, std::string_view function, bool qualified) {
  if (file.empty()) return nullptr;
  const KnownFunction* any = nullptr;
  for (const KnownFunction& row : kFunctions) {
    if (row.file != file || !matches(row, function, qualified)) continue;
    if (!row.function.empty()) return &row;
    any = &row;
  }
  return any;
}

}  // namespace aiotrace::python
