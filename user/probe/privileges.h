// Reduces aiotrace's rights once its probes are attached to those that it still needs.
#pragma once

#include "util/result.h"

namespace aiotrace::probe {

/// Gives up every capability except those that aiotrace uses from now on; the root tier's privilege_test.cpp measures
/// which these are: CAP_BPF and CAP_PERFMON for threads and processes to come, CAP_SYS_PTRACE and
/// CAP_CHECKPOINT_RESTORE for memory and mapped files, CAP_DAC_READ_SEARCH for files of others. CAP_SYS_ADMIN, if
/// present, is made ineffective but kept for AdminForAMoment; it stays effective if it replaces CAP_BPF or CAP_PERFMON.
/// The bounding and the ambient set are emptied, programs that are started later gain no capabilities, and memory is
/// limited (limit_memory). Must be called before the first byte of a target is read, while the calling thread is the
/// only one.
Status drop_capabilities();

/// For commands that need no rights (report, help): gives up all capabilities, and root under sudo, permanently.
Status drop_everything();

/// For the calling thread: gives up all rights except those for reading a process (CAP_SYS_PTRACE,
/// CAP_CHECKPOINT_RESTORE, CAP_DAC_READ_SEARCH). For threads that parse the memory of others and do not trace.
Status keep_capabilities_to_read();

/// CAP_SYS_ADMIN is effective during the lifetime of this object, if it was put aside: the kernel requires it for
/// BPF_ENABLE_STATS.
class AdminForAMoment {
 public:
  AdminForAMoment();
  AdminForAMoment(const AdminForAMoment&) = delete;
  AdminForAMoment& operator=(const AdminForAMoment&) = delete;
  ~AdminForAMoment();

 private:
  bool raised_ = false;
};

}  // namespace aiotrace::probe
