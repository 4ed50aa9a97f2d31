#pragma once

#include "support/epp_server.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace epp::demo {

struct Candidate {
  std::string endpoint;  // Address.
  double total = 0;
  std::map<std::string, double> scores;  // By scorer, before weighting.
};

struct Decision {
  std::string request_id;
  std::string target;  // Address.
  std::vector<Candidate> candidates;

  const Candidate* candidate(const std::string& address) const;
};

// What GET /debug/decisions has told so far. Recent ones only are known there, so collect() must be called often.
class Decisions {
 public:
  void collect(testing::EppServer& epp);

  const Decision* find(const std::string& request_id) const;

  // Newest last; at most `count`.
  std::vector<const Decision*> latest(std::size_t count) const;

 private:
  static constexpr std::size_t kMost = 5000;

  std::map<std::string, Decision> by_request_;
  std::deque<std::string> order_;
};

// What a decision breaks: every total must be the weighted sum of its scores, and the target one with the highest
// total. Empty if nothing.
std::string violation(const Decision& decision, const std::map<std::string, double>& weights);

}  // namespace epp::demo
