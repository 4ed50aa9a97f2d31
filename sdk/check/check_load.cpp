// load.*: the library as the host loads it, and what it says of its types.
#include "check/groups.h"
#include "check/known_points.h"
#include "check/parameter_sets.h"
#include "check/stage.h"
#include "plugins/library_image.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace epp::check {

namespace {

std::string_view view(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}

bool printable_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

bool plain_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

class DescriptorJudge {
 public:
  DescriptorJudge(const epp_type& type, Channel& channel) : type_(type), name_(view(type.name)), channel_(channel) {}

  void judge() {
    if (!plain_name(name_)) warn("Its name is not made of a-z, 0-9, - and _ alone.");
    if (type_.version.size == 0) warn("Has no version.");
    if (type_.vendor.size == 0) warn("Has no vendor.");
    if (type_.description.size == 0) warn("Has no description.");
    for (const epp_str text : {type_.name, type_.version, type_.vendor, type_.description, type_.replaced_by}) {
      if (!printable_line(view(text))) warn("A text of it is more than one line.");
    }
    judge_extensions();
    for (uint64_t i = 0; i < type_.default_keys.count; ++i) {
      const std::string_view key = view(type_.default_keys.items[i]);
      const size_t slash = key.find('/');
      if (slash == 0 || slash == std::string_view::npos || slash + 1 == key.size() || key.find('#') != key.npos) {
        fail("Its default key \"" + std::string(key) + "\" is not Type/producer.");
      } else if (key.substr(slash + 1) != name_) {
        warn("Its default key \"" + std::string(key) + "\" names another producer than " + name_ + '.');
      }
    }
    for (std::string& problem : schema_problems(view(type_.parameters_schema)))
      channel_.fail("load.schema", name_, std::move(problem));
  }

 private:
  void judge_extensions() {
    if (type_.extensions.count == 0) fail("Lists no extension points, so it can do nothing.");
    std::set<std::string_view> seen;
    for (uint64_t i = 0; i < type_.extensions.count; ++i) {
      const std::string_view id = view(type_.extensions.items[i]);
      if (!seen.insert(id).second) fail("Lists " + std::string(id) + " twice.");
      if (find_point(id) == nullptr) warn("Lists " + std::string(id) + ", which this host does not know.");
    }
  }
  void fail(std::string text) { channel_.fail("load.descriptor", name_, std::move(text)); }
  void warn(std::string text) { channel_.warn("load.descriptor", name_, std::move(text)); }

  const epp_type& type_;
  std::string name_;
  Channel& channel_;
};

}  // namespace

void check_load(const Options& options, Channel& channel) {
  channel.step("", "loading the library");
  Stage stage(options, channel, "");
  std::string error;
  if (const auto image = plugins::LibraryImage::open(options.file, error); image && !image->exposure().empty()) {
    channel.warn("load.exposure", "", "Is open to others: " + image->exposure() + '.');
  }
  if (!stage.load(error)) {
    channel.fail("load.open", "", error + '.');
    return;
  }
  for (const epp_type* type : stage.library()->types()) {
    channel.types(std::string(view(type->name)));
    channel.step(view(type->name), "reading the descriptor");
    DescriptorJudge(*type, channel).judge();
  }
  channel.step("", "unloading the library");
  stage.unload();
}

}  // namespace epp::check
