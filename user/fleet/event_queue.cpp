#include "fleet/event_queue.h"

#include <iterator>
#include <utility>

namespace aiotrace::fleet {

void EventQueue::make_room(std::size_t bytes) {
  while (!waiting_.empty() && (events() + 1 > limits_.events || bytes_ + bytes > limits_.bytes)) {
    bytes_ -= waiting_.front().bytes();
    waiting_.pop_front();
    ++dropped_;
  }
}

// What is on its way cannot be dropped: it may arrive.
void EventQueue::add(EncodedEvent event) {
  const auto bytes = event.bytes();
  make_room(bytes);
  if (events() + 1 > limits_.events || bytes_ + bytes > limits_.bytes) {
    ++dropped_;
    return;
  }
  bytes_ += bytes;
  waiting_.push_back(std::move(event));
}

const std::vector<EncodedEvent>& EventQueue::take(std::size_t most_bytes) {
  std::size_t bytes = 0;
  while (!waiting_.empty() && (taken_.empty() || bytes + waiting_.front().bytes() <= most_bytes)) {
    bytes += waiting_.front().bytes();
    taken_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return taken_;
}

void EventQueue::settled() {
  for (const auto& event : taken_) bytes_ -= event.bytes();
  taken_.clear();
}

void EventQueue::put_back() {
  waiting_.insert(waiting_.begin(), std::make_move_iterator(taken_.begin()), std::make_move_iterator(taken_.end()));
  taken_.clear();
}

}  // namespace aiotrace::fleet
