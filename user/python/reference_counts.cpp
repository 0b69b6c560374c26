#include "python/reference_counts.h"

#include <unordered_map>
#include <utility>

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxNodes = 20'000;
constexpr std::size_t kMaxReferences = 1'000'000;

class Counts {
 public:
  Counts(ReferentReader& referents, const std::unordered_set<std::uint64_t>& objects,
         const std::unordered_set<std::uint64_t>& others)
      : referents_(referents), objects_(objects), others_(others) {}

  /// False: too many objects.
  bool follow(const std::vector<std::uint64_t>& tasks) {
    for (const std::uint64_t task : tasks) {
      if (!tasks_.insert(task).second) continue;
      if (!take(task, referents_.of_future(task))) return false;
    }
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (!take(left_[i], referents_.read(left_[i]).objects)) return false;
    }
    return true;
  }

  [[nodiscard]] std::unordered_set<std::uint64_t> only_here() const {
    // Marks the objects with references from elsewhere, and everything that they lead to.
    std::unordered_set<std::uint64_t> elsewhere;
    std::vector<std::uint64_t> reached;
    const auto reach = [&](std::uint64_t object) {
      if (elsewhere.insert(object).second) reached.push_back(object);
    };
    for (const auto& [object, count] : counts_) {
      if (!tasks_.contains(object) && referents_.count_of(object) > count) reach(object);
    }
    for (std::size_t i = 0; i < reached.size(); ++i) {
      const auto its = referents_of_.find(reached[i]);
      if (its == referents_of_.end()) continue;
      for (const std::uint64_t object : its->second) reach(object);
    }
    std::unordered_set<std::uint64_t> found;
    for (const std::uint64_t object : objects_) {
      if (counts_.contains(object) && !elsewhere.contains(object)) found.insert(object);
    }
    return found;
  }

 private:
  bool take(std::uint64_t from, std::vector<std::uint64_t> its) {
    references_ += its.size();
    if (references_ > kMaxReferences) return false;
    for (const std::uint64_t object : its) {
      const ReferentForm form = referents_.form_of(object);
      if (form == ReferentForm::leaf) continue;
      const bool fresh = counts_[object]++ == 0;
      const bool goes_on = form != ReferentForm::future && form != ReferentForm::module && form != ReferentForm::type;
      if (fresh && goes_on && !objects_.contains(object) && !others_.contains(object)) left_.push_back(object);
    }
    referents_of_.emplace(from, std::move(its));
    return counts_.size() <= kMaxNodes;
  }

  ReferentReader& referents_;
  const std::unordered_set<std::uint64_t>& objects_;
  const std::unordered_set<std::uint64_t>& others_;
  std::size_t references_ = 0;
  std::unordered_set<std::uint64_t> tasks_;
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;  // number of references that were found
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> referents_of_;
  std::vector<std::uint64_t> left_;
};

}  // namespace

std::unordered_set<std::uint64_t> referred_to_only_by(ReferentReader& referents,
                                                      const std::vector<std::uint64_t>& tasks,
                                                      const std::unordered_set<std::uint64_t>& objects,
                                                      const std::unordered_set<std::uint64_t>& others) {
  Counts counts(referents, objects, others);
  return counts.follow(tasks) ? counts.only_here() : std::unordered_set<std::uint64_t>{};
}

}  // namespace aiotrace::python
