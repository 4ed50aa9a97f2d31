#include "objectives/rewrite_table.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace epp::objectives {
namespace {

// One rule with its targets' shares summed up: target i is drawn by a number below shares[i] and not below
// shares[i - 1].
struct Rule {
  std::string object;  // name of the rewrite it stands in
  std::vector<std::string> targets;
  std::vector<std::int64_t> shares;
};

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// The rules by what they match, each the oldest of its kind.
struct Index {
  std::vector<Rule> rules;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> exact;
  std::optional<std::size_t> generic;
  std::vector<std::string> models;  // sorted, unique
};

std::int64_t share_of(const RewriteTarget& target) {
  return std::max<std::int64_t>(target.weight.value_or(1), 0);
}

Rule to_rule(const ModelRewrite& rewrite, const RewriteRule& from) {
  Rule rule{.object = rewrite.name, .targets = {}, .shares = {}};
  std::int64_t sum = 0;
  for (const RewriteTarget& target : from.targets) {
    if (share_of(target) == 0) continue;
    sum += share_of(target);
    rule.targets.push_back(target.model);
    rule.shares.push_back(sum);
  }
  return rule;
}

// `rewrites` in order of precedence.
Index make_index(const std::vector<ModelRewrite>& rewrites) {
  Index index;
  for (const ModelRewrite& rewrite : rewrites) {
    for (const RewriteRule& from : rewrite.rules) {
      Rule rule = to_rule(rewrite, from);
      if (rule.targets.empty()) continue;
      const std::size_t number = index.rules.size();
      if (from.generic && !index.generic) index.generic = number;
      for (const std::string& model : from.models) {
        index.exact.emplace(model, number);  // unless an older one is there
        index.models.push_back(model);
      }
      index.models.insert(index.models.end(), rule.targets.begin(), rule.targets.end());
      index.rules.push_back(std::move(rule));
    }
  }
  std::sort(index.models.begin(), index.models.end());
  index.models.erase(std::unique(index.models.begin(), index.models.end()), index.models.end());
  return index;
}

// Uniform in [0, below).
std::int64_t draw(std::int64_t below) {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_int_distribution<std::int64_t>(0, below - 1)(engine);
}

const std::string& choose_target(const Rule& rule) {
  if (rule.targets.size() == 1) return rule.targets.front();
  const auto at = std::upper_bound(rule.shares.begin(), rule.shares.end(), draw(rule.shares.back()));
  return rule.targets[static_cast<std::size_t>(at - rule.shares.begin())];
}

}  // namespace

struct RewriteTable::State {
  std::mutex change_mutex;  // one change at a time; taken before `mutex`
  std::vector<ModelRewrite> rewrites;

  std::atomic<bool> empty{true};
  mutable std::mutex mutex;  // a leaf; guards what readers see
  std::shared_ptr<const Index> index = std::make_shared<const Index>();

  [[nodiscard]] std::shared_ptr<const Index> current() const {
    std::lock_guard lock(mutex);
    return index;
  }
};

RewriteTable::RewriteTable() : state_(std::make_unique<State>()) {}
RewriteTable::~RewriteTable() = default;

std::optional<RewriteDecision> RewriteTable::choose(std::string_view model) const {
  if (state_->empty.load(std::memory_order_acquire)) return std::nullopt;
  const auto index = state_->current();
  std::optional<std::size_t> number = index->generic;
  if (!model.empty()) {
    if (const auto found = index->exact.find(model); found != index->exact.end()) number = found->second;
  }
  if (!number) return std::nullopt;
  const Rule& rule = index->rules[*number];
  return RewriteDecision{rule.object, choose_target(rule)};
}

std::vector<std::string> RewriteTable::models() const {
  return state_->current()->models;
}

bool RewriteTable::replace(std::vector<ModelRewrite> rewrites) {
  std::stable_sort(rewrites.begin(), rewrites.end(), [](const ModelRewrite& a, const ModelRewrite& b) {
    return std::tie(a.created_ns, a.name_space, a.name) < std::tie(b.created_ns, b.name_space, b.name);
  });
  State& state = *state_;
  std::lock_guard change(state.change_mutex);
  if (rewrites == state.rewrites) return false;
  auto fresh = std::make_shared<const Index>(make_index(rewrites));
  state.rewrites = std::move(rewrites);
  std::lock_guard lock(state.mutex);
  state.index.swap(fresh);
  state.empty.store(state.index->rules.empty(), std::memory_order_release);
  return true;
}

}  // namespace epp::objectives
