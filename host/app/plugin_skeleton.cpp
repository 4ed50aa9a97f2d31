#include "app/plugin_skeleton.h"

#include "app/app.h"
#include "app/plugin_templates.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

namespace epp::app {

namespace fs = std::filesystem;

namespace {

constexpr size_t kLongestName = 63;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// my-plugin as MyPlugin.
std::string in_capitals(std::string_view name) {
  std::string out;
  bool starts_word = true;
  for (const char c : name) {
    if (c != '-') out += starts_word && is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
    starts_word = c == '-';
  }
  return out;
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string named(std::string_view text, const std::string& name) {
  std::string out(text);
  replace_all(out, "my-plugin", name);
  replace_all(out, "my_plugin", with_underscores(name));
  replace_all(out, "MyPlugin", in_capitals(name));
  return out;
}

bool has_word(std::string_view text, std::string_view word) {
  const std::string padded = ' ' + std::string(text) + ' ';
  return padded.find(' ' + std::string(word) + ' ') != std::string::npos;
}

// The first word of a line, with what follows, behind spaces and the signs of a comment.
std::string_view marker_of(std::string_view line) {
  const size_t begin = line.find_first_not_of(" /*#<!-");
  return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
}

// What the template has for this language and kind.
std::string selected(std::string_view text, const PluginSkeleton& skeleton) {
  std::string out;
  bool wanted = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    std::string_view marker = marker_of(line);
    while (marker.ends_with('\n'))
      marker.remove_suffix(1);
    if (marker.starts_with("%only ")) {
      wanted = has_word(marker, skeleton.language) || has_word(marker, skeleton.kind);
    } else if (marker == "%all" || marker.starts_with("%all ")) {
      wanted = true;
    } else if (wanted) {
      out += line;
    }
  }
  return out;
}

// Throws std::system_error.
void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::system_error(errno, std::generic_category(), path.string());
}

int fail(const std::string& problem) {
  std::cerr << problem << '\n';
  return 1;
}

}  // namespace

std::string plugin_name_problem(std::string_view name) {
  const bool of_good_characters =
      std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  const bool is_good = of_good_characters && !name.empty() && is_lower(name.front()) && !name.ends_with('-') &&
                       name.find('-') != std::string_view::npos && name.find("--") == std::string_view::npos;
  if (!is_good) {
    return "invalid plugin name \"" + std::string(name) +
           "\": two or more lower-case words joined by dashes are wanted, " + "as in queue-scorer";
  }
  if (name.size() > kLongestName) {
    return "invalid plugin name \"" + std::string(name) + "\": it is longer than " + std::to_string(kLongestName) +
           " characters";
  }
  return {};
}

std::vector<SkeletonFile> render(const PluginSkeleton& skeleton) {
  std::vector<SkeletonFile> files;
  for (const PluginTemplate& part : plugin_templates()) {
    if (part.language != "common" && part.language != skeleton.language) continue;
    files.push_back({named(part.path, skeleton.name), named(selected(part.text, skeleton), skeleton.name)});
  }
  return files;
}

int plugins_new(const config::Options& options) {
  const PluginSkeleton skeleton{options.plugin_type, options.skeleton_language, options.skeleton_kind};
  if (const std::string problem = plugin_name_problem(skeleton.name); !problem.empty()) return fail(problem);
  const fs::path directory = options.output.empty() ? skeleton.name : options.output;
  std::error_code unreadable;
  if (fs::exists(fs::symlink_status(directory, unreadable))) {
    return fail("\"" + directory.string() + "\" exists already; --output names another directory");
  }
  try {
    for (const SkeletonFile& file : render(skeleton)) {
      write(directory / file.path, file.text);
      std::cout << (directory / file.path).string() << '\n';
    }
  } catch (const std::system_error& error) {
    fs::remove_all(directory, unreadable);
    return fail("cannot write the skeleton: " + std::string(error.what()));
  }
  std::cout << "\nHow to build, check and use it: " << (directory / "README.md").string() << '\n';
  return 0;
}

}  // namespace epp::app
