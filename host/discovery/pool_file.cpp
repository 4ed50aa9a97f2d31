#include "discovery/pool_file.h"

#include "discovery/yaml_fields.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace epp::discovery {
namespace {

using objectives::Objective;

void read_labels(const YAML::Node& node, FileEntry& entry, std::size_t& budget) {
  if (node.IsNull()) return;
  if (!node.IsMap()) throw FieldError{where(node) + "field labels must be a map of strings"};
  for (const auto& pair : node) {
    if (budget-- == 0) throw FieldError{"too many labels"};
    if (!pair.first.IsScalar()) throw FieldError{where(pair.first) + "a label's name must be a string"};
    entry.labels.emplace_back(pair.first.Scalar(),
                              string_of(pair.second, "labels." + pair.first.Scalar()).value_or(""));
  }
  std::sort(entry.labels.begin(), entry.labels.end());
}

FileEntry read_entry(const YAML::Node& node, std::size_t& budget) {
  FileEntry entry;
  if (node.IsNull()) return entry;
  if (!node.IsMap()) throw FieldError{where(node) + "an endpoint must be a map"};
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) continue;
    const std::string& name = pair.first.Scalar();
    const auto text = [&](std::string& into) {
      if (auto value = string_of(pair.second, name)) into = std::move(*value);
    };
    if (same_name(name, "name")) text(entry.name);
    if (same_name(name, "namespace")) text(entry.name_space);
    if (same_name(name, "address")) text(entry.address);
    if (same_name(name, "port")) text(entry.port);
    if (same_name(name, "labels")) read_labels(pair.second, entry, budget);
  }
  if (entry.name_space.empty()) entry.name_space = "default";
  return entry;
}

// `place`: "objectives[2]".
Objective read_objective(const YAML::Node& node, const std::string& place) {
  if (!node.IsMap()) throw FieldError{where(node) + "field " + place + ": expected a map with the field name"};
  Objective objective;
  for (const auto& pair : node) {
    const std::string name = pair.first.IsScalar() ? pair.first.Scalar() : std::string();
    const std::string field = place + "." + name;
    if (same_name(name, "name")) {
      objective.name = string_of(pair.second, field).value_or("");
    } else if (same_name(name, "priority")) {
      objective.terms.priority = int32_of(pair.second, field).value_or(0);
    } else if (same_name(name, "weight")) {
      objective.terms.weight = positive_number_of(pair.second, field).value_or(1);
    } else {
      throw FieldError{where(pair.first) + "field " + field + " is unknown: expected name, priority or weight"};
    }
  }
  if (objective.name.empty())
    throw FieldError{where(node) + "field " + place + ".name: expected a text that is not empty"};
  return objective;
}

std::variant<std::vector<Objective>, FileError> read_objectives(const YAML::Node& node) try {
  std::vector<Objective> objectives;
  if (node.IsNull()) return objectives;
  if (!node.IsSequence()) throw FieldError{where(node) + "field objectives: expected a list"};
  std::unordered_set<std::string> names;
  for (const auto& item : node) {
    const std::string place = "objectives[" + std::to_string(objectives.size()) + "]";
    objectives.push_back(read_objective(item, place));
    if (!names.insert(objectives.back().name).second) {
      throw FieldError{where(item) + "field " + place + ".name: expected a name that no other objective has, got \"" +
                       objectives.back().name + "\" again"};
    }
  }
  return objectives;
} catch (const FieldError& error) {
  return FileError{error.text};
}

void read_endpoints(const YAML::Node& node, std::vector<FileEntry>& entries, std::size_t& budget) {
  if (!node.IsSequence()) throw FieldError{where(node) + "field endpoints must be a list"};
  for (const auto& item : node)
    entries.push_back(read_entry(item, budget));
}

}  // namespace

std::variant<PoolFile, FileError> parse_pool_file(std::string_view text) {
  if (text.size() > kMaxFileBytes) return FileError{"file is larger than 1 MiB"};
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    PoolFile file;
    if (!document || document.IsNull()) return file;
    if (!document.IsMap()) return FileError{"the document must be a map with the field endpoints"};
    std::size_t budget = kMaxLabelsInFile;
    YAML::Node objectives(YAML::NodeType::Null);
    for (const auto& pair : document) {
      if (!pair.first.IsScalar() || pair.second.IsNull()) continue;
      if (same_name(pair.first.Scalar(), "endpoints")) read_endpoints(pair.second, file.endpoints, budget);
      if (same_name(pair.first.Scalar(), "objectives")) objectives.reset(pair.second);
    }
    file.objectives = read_objectives(objectives);
    return file;
  } catch (const FieldError& error) {
    return FileError{error.text};
  } catch (const YAML::Exception& error) {
    return FileError{error.what()};
  }
}

}  // namespace epp::discovery
