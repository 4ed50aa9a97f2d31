#include "decisions.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace epp::demo {
namespace {

constexpr double kRounding = 1e-9;

Decision decoded(const nlohmann::json& json) {
  Decision decision{.request_id = json.at("request_id"), .target = json.at("target"), .candidates = {}};
  for (const auto& candidate : json.at("candidates")) {
    decision.candidates.push_back({.endpoint = candidate.at("endpoint"),
                                   .total = candidate.at("total"),
                                   .scores = candidate.at("scores").get<std::map<std::string, double>>()});
  }
  return decision;
}

}  // namespace

const Candidate* Decision::candidate(const std::string& address) const {
  const auto it = std::ranges::find(candidates, address, &Candidate::endpoint);
  return it == candidates.end() ? nullptr : &*it;
}

void Decisions::collect(testing::EppServer& epp) {
  const nlohmann::json recent = epp.decisions();
  for (std::size_t i = recent.size(); i-- > 0;) {  // They come newest first.
    Decision decision = decoded(recent[i]);
    const std::string id = decision.request_id;
    if (!by_request_.try_emplace(id, std::move(decision)).second) continue;
    order_.push_back(id);
    if (order_.size() > kMost) {
      by_request_.erase(order_.front());
      order_.pop_front();
    }
  }
}

const Decision* Decisions::find(const std::string& request_id) const {
  const auto it = by_request_.find(request_id);
  return it == by_request_.end() ? nullptr : &it->second;
}

std::vector<const Decision*> Decisions::latest(std::size_t count) const {
  std::vector<const Decision*> result;
  for (std::size_t i = order_.size() - std::min(count, order_.size()); i < order_.size(); ++i) {
    result.push_back(&by_request_.at(order_[i]));
  }
  return result;
}

std::string violation(const Decision& decision, const std::map<std::string, double>& weights) {
  for (const Candidate& candidate : decision.candidates) {
    double sum = 0;
    for (const auto& [scorer, score] : candidate.scores) {
      const auto weight = weights.find(scorer);
      if (weight == weights.end()) return "unknown scorer " + scorer;
      sum += weight->second * std::clamp(score, 0.0, 1.0);
    }
    if (candidate.scores.size() != weights.size()) return candidate.endpoint + " was not rated by every scorer";
    if (std::abs(sum - candidate.total) > kRounding) {
      return candidate.endpoint + " has total " + std::to_string(candidate.total) +
             ", but its weighted scores sum to " + std::to_string(sum);
    }
  }
  const Candidate* target = decision.candidate(decision.target);
  if (target == nullptr) return "the target '" + decision.target + "' is no candidate";
  const Candidate& best = *std::ranges::max_element(decision.candidates, {}, &Candidate::total);
  if (best.total > target->total + kRounding) {
    return decision.target + " was picked, but " + best.endpoint + " has the higher total";
  }
  return {};
}

}  // namespace epp::demo
