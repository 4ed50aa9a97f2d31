// Everything that was seen of one library, as text for people or JSON for scripts.
#pragma once

#include "check/checks.h"
#include "check/finding.h"
#include "check/options.h"

#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace epp::check {

class Report {
 public:
  explicit Report(const Options& options) : options_(options) {}

  void add(Finding finding);
  void add(Timing timing) { timings_.push_back(std::move(timing)); }
  void add_type(std::string type) { types_.push_back(std::move(type)); }
  // Checks of a group that did not come to its end are not ok, unless they have already found something.
  void unfinished(Group group, const std::string& type);
  void started(Group group) { started_[group] = true; }

  const std::vector<std::string>& types() const { return types_; }
  bool passed() const;
  void print_text(std::ostream& out) const;
  void print_json(std::ostream& out) const;

 private:
  struct Line {
    const Check* check = nullptr;
    Verdict verdict = Verdict::kOk;
    std::vector<const Finding*> findings;
  };
  std::vector<Line> lines() const;
  Verdict verdict_of(const Finding& finding) const;

  const Options& options_;
  std::vector<std::string> types_;
  std::vector<Finding> findings_;
  std::vector<Timing> timings_;
  std::map<Group, bool> started_;
  std::map<Group, std::string> unfinished_;  // the types
};

}  // namespace epp::check
