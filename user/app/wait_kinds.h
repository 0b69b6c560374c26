// Converts the task reader's kinds of waits and loops to those of the model.
#pragma once

#include "model/stall.h"
#include "model/task_row.h"
#include "python/loops.h"
#include "python/wait_kind.h"

namespace aiotrace::app {

[[nodiscard]] constexpr model::LoopKind loop_kind_of(python::EventLoopKind kind) {
  switch (kind) {
    case python::EventLoopKind::asyncio: return model::LoopKind::asyncio;
    case python::EventLoopKind::uvloop: return model::LoopKind::uvloop;
    case python::EventLoopKind::other: break;
  }
  return model::LoopKind::other;
}

[[nodiscard]] constexpr model::TaskWaitKind wait_kind(python::WaitKind kind) {
  using To = model::TaskWaitKind;
  switch (kind) {
    case python::WaitKind::unknown: break;
    case python::WaitKind::start: return To::start;
    case python::WaitKind::turn: return To::turn;
    case python::WaitKind::running: return To::running;
    case python::WaitKind::sleep: return To::sleep;
    case python::WaitKind::future: return To::future;
    case python::WaitKind::task: return To::task;
    case python::WaitKind::gather: return To::gather;
    case python::WaitKind::wait: return To::wait;
    case python::WaitKind::shield: return To::shield;
    case python::WaitKind::task_group: return To::task_group;
    case python::WaitKind::lock: return To::lock;
    case python::WaitKind::event: return To::event;
    case python::WaitKind::condition: return To::condition;
    case python::WaitKind::semaphore: return To::semaphore;
    case python::WaitKind::barrier: return To::barrier;
    case python::WaitKind::queue: return To::queue;
    case python::WaitKind::socket: return To::socket;
    case python::WaitKind::executor: return To::executor;
    case python::WaitKind::process: return To::process;
    case python::WaitKind::server: return To::server;
    case python::WaitKind::async_generator: return To::async_generator;
  }
  return To::unknown;
}

}  // namespace aiotrace::app
