#include "config/pflag_argv.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace epp::config {
namespace {

class Rewriter {
 public:
  Rewriter(const std::vector<std::string>& arguments, const std::vector<FlagShape>& shapes)
      : arguments_(arguments), shapes_(shapes) {}

  RewrittenArguments run() {
    while (next_ < arguments_.size()) {
      const std::string_view argument = arguments_[next_++];
      if (argument == "--") {
        result_.words.insert(result_.words.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(next_),
                             arguments_.end());
        break;
      }
      if (argument.starts_with("--")) {
        long_flag(argument);
      } else if (argument.size() > 1 && argument.front() == '-') {
        short_flags(argument.substr(1));
      } else {
        result_.words.emplace_back(argument);
      }
    }
    return std::move(result_);
  }

 private:
  void fail(std::string text) { result_.errors.push_back(std::move(text)); }

  void set(const FlagShape& shape, std::string value) {
    auto& flags = result_.flags;
    const auto known =
        std::find_if(flags.begin(), flags.end(), [&](const auto& flag) { return flag.name == shape.name; });
    if (known == flags.end() || shape.list) {
      flags.push_back({shape.name, std::move(value)});
    } else {
      known->value = std::move(value);
    }
  }

  void long_flag(std::string_view argument) {
    const std::string_view body = argument.substr(2);
    if (body.front() == '-' || body.front() == '=') return fail("bad flag syntax: " + std::string(argument));
    const auto equals = body.find('=');
    const std::string name(body.substr(0, equals));
    const auto shape =
        std::find_if(shapes_.begin(), shapes_.end(), [&](const auto& candidate) { return candidate.name == name; });
    if (shape == shapes_.end()) {
      if (name == "help") {
        result_.help = true;
      } else {
        fail("unknown flag: --" + name);
      }
      return;
    }
    if (equals != std::string_view::npos) return set(*shape, std::string(body.substr(equals + 1)));
    if (shape->boolean) return set(*shape, "true");
    if (next_ == arguments_.size()) return fail("flag needs an argument: --" + name);
    set(*shape, arguments_[next_++]);
  }

  // A cluster such as `-ab`, where only the last may take a value.
  void short_flags(std::string_view cluster) {
    const std::string whole = "-" + std::string(cluster);
    while (!cluster.empty()) {
      const char letter = cluster.front();
      cluster.remove_prefix(1);
      const auto shape = std::find_if(shapes_.begin(), shapes_.end(),
                                      [&](const auto& candidate) { return candidate.shorthand == letter; });
      if (shape == shapes_.end()) {
        if (letter == 'h') {
          result_.help = true;
          continue;
        }
        return fail(std::string("unknown shorthand flag: '") + letter + "' in " + whole);
      }
      if (cluster.size() > 1 && cluster.front() == '=') return set(*shape, std::string(cluster.substr(1)));
      if (shape->boolean) {
        set(*shape, "true");
        continue;
      }
      if (!cluster.empty()) return set(*shape, std::string(cluster));
      if (next_ == arguments_.size()) return fail(std::string("flag needs an argument: '") + letter + "' in " + whole);
      return set(*shape, arguments_[next_++]);
    }
  }

  const std::vector<std::string>& arguments_;
  const std::vector<FlagShape>& shapes_;
  std::size_t next_ = 0;
  RewrittenArguments result_;
};

}  // namespace

std::vector<std::string> RewrittenArguments::arguments() const {
  std::vector<std::string> list = words;
  for (const auto& flag : flags) {
    list.push_back("--" + flag.name);
    list.push_back(flag.value);
  }
  return list;
}

RewrittenArguments rewrite_arguments(const std::vector<std::string>& arguments, const std::vector<FlagShape>& shapes) {
  return Rewriter(arguments, shapes).run();
}

}  // namespace epp::config
