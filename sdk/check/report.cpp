#include "check/report.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace epp::check {

namespace {

constexpr std::ptrdiff_t kShownOfAKind = 4;

std::string about(const Finding& finding) {
  return finding.type.empty() ? finding.text : finding.type + ": " + finding.text;
}

void print_line(std::ostream& out, Verdict verdict, std::string_view check, const std::string& text) {
  out << std::left << std::setw(8) << to_string(verdict) << ' ' << std::setw(24) << check << text << '\n';
}

std::string microseconds(double value) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(value < 10 ? 1 : 0) << value;
  return text.str();
}

}  // namespace

void Report::add(Finding finding) {
  // What other groups have shown already is no news.
  const auto same_kind = [&](const Finding& other) {
    return other.check == finding.check && other.type == finding.type && other.verdict == finding.verdict;
  };
  if (std::count_if(findings_.begin(), findings_.end(), same_kind) < kShownOfAKind)
    findings_.push_back(std::move(finding));
}

void Report::unfinished(Group group, const std::string& type) {
  std::string& types = unfinished_[group];
  if (!types.empty()) types += ", ";
  types += type.empty() ? "the library" : type;
}

Verdict Report::verdict_of(const Finding& finding) const {
  const bool allowed = std::find(options_.allow.begin(), options_.allow.end(), finding.check) != options_.allow.end();
  return finding.verdict == Verdict::kFail && allowed ? Verdict::kWarning : finding.verdict;
}

std::vector<Report::Line> Report::lines() const {
  std::vector<Line> result;
  for (const Check& check : all_checks()) {
    if (!options_.wants(check.id)) continue;
    Line line{&check, Verdict::kOk, {}};
    for (const Finding& finding : findings_) {
      if (finding.check != check.id) continue;
      line.verdict = std::max(line.verdict, verdict_of(finding));
      line.findings.push_back(&finding);
    }
    const bool ran = check.group == Group::kEvery || started_.contains(check.group);
    const bool whole = !unfinished_.contains(check.group);
    if (line.verdict == Verdict::kOk && (!ran || !whole)) line.verdict = Verdict::kSkipped;
    // Only a sanitizer can tell.
    if (check.id.starts_with("sanitize.") && !options_.sanitize) continue;
    result.push_back(std::move(line));
  }
  return result;
}

bool Report::passed() const {
  // What was looked for fails the library, and so does what kept it from being looked for.
  const auto fails = [this](const Finding& finding) {
    return verdict_of(finding) == Verdict::kFail &&
           (options_.wants(finding.check) || finding.check.starts_with("run.") || finding.check == "load.open");
  };
  return std::none_of(findings_.begin(), findings_.end(), fails);
}

void Report::print_text(std::ostream& out) const {
  out << options_.file << '\n';
  size_t ok = 0;
  size_t warnings = 0;
  size_t failures = 0;
  const auto print_findings = [&](const Line& line) {
    for (const Finding* finding : line.findings) {
      const Verdict verdict = verdict_of(*finding);
      if (verdict != Verdict::kOk) print_line(out, verdict, line.check->id, about(*finding));
    }
    out << std::setw(33) << "" << line.check->advice << '\n';
  };
  std::vector<Line> shown = lines();
  // What ended a group is shown whatever was asked for: it is why something is missing.
  for (const Finding& finding : findings_) {
    if (options_.wants(finding.check) || verdict_of(finding) != Verdict::kFail) continue;
    if (!finding.check.starts_with("run.") && finding.check != "load.open") continue;
    shown.insert(shown.begin(), {find_check(finding.check), Verdict::kFail, {&finding}});
  }
  for (const Line& line : shown) {
    switch (line.verdict) {
      case Verdict::kOk:
        ++ok;
        print_line(out, line.verdict, line.check->id, std::string(line.check->good));
        for (const Finding* finding : line.findings)
          out << std::setw(33) << "" << about(*finding) << '\n';
        break;
      case Verdict::kSkipped: {
        const auto unfinished = unfinished_.find(line.check->group);
        print_line(
            out, line.verdict, line.check->id,
            unfinished != unfinished_.end() ? "did not come to its end for " + unfinished->second : "did not run");
        break;
      }
      case Verdict::kWarning:
        ++warnings;
        print_findings(line);
        break;
      case Verdict::kFail:
        ++failures;
        print_findings(line);
        break;
    }
  }
  for (const Timing& timing : timings_) {
    out << std::left << std::setw(33) << "time" << timing.type << ": " << timing.point << ", " << timing.endpoints
        << " endpoints: p50 " << microseconds(timing.p50_us) << ", p99 " << microseconds(timing.p99_us) << ", most "
        << microseconds(timing.max_us) << " us of " << timing.calls << " calls\n";
  }
  out << (passed() ? "passed" : "FAILED") << ": " << ok << " ok, " << warnings << " with warnings, " << failures
      << " failed (seed " << options_.seed << ")\n";
}

void Report::print_json(std::ostream& out) const {
  using Json = nlohmann::ordered_json;
  Json checks = Json::array();
  for (const Line& line : lines()) {
    Json findings = Json::array();
    for (const Finding* finding : line.findings) {
      findings.push_back(
          {{"verdict", to_string(verdict_of(*finding))}, {"type", finding->type}, {"text", finding->text}});
    }
    checks.push_back({{"id", line.check->id}, {"verdict", to_string(line.verdict)}, {"findings", findings}});
  }
  for (const Finding& finding : findings_) {
    if (options_.wants(finding.check) || verdict_of(finding) != Verdict::kFail) continue;
    checks.push_back(
        {{"id", finding.check},
         {"verdict", to_string(Verdict::kFail)},
         {"findings",
          Json::array({{{"verdict", to_string(Verdict::kFail)}, {"type", finding.type}, {"text", finding.text}}})}});
  }
  Json timings = Json::array();
  for (const Timing& timing : timings_) {
    timings.push_back({{"type", timing.type},
                       {"function", timing.point},
                       {"endpoints", timing.endpoints},
                       {"calls", timing.calls},
                       {"p50_us", timing.p50_us},
                       {"p99_us", timing.p99_us},
                       {"max_us", timing.max_us}});
  }
  const Json report = {{"file", options_.file}, {"types", types_},  {"seed", options_.seed},
                       {"passed", passed()},    {"checks", checks}, {"timings", timings}};
  out << report.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace epp::check
