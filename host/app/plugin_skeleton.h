// What `epp plugins new` writes: a plugin that builds and works, made from templates.
//
// Templates are of a plugin called my-plugin; its name is replaced wherever it stands, in file names, too: `my-plugin`,
// `my_plugin` and `MyPlugin`, each in its own spelling. A line whose first word is `%only`, behind the signs of a
// comment, names languages and kinds: what follows is for these only, until the next such line, or `%all`. These lines
// are dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace epp::app {

struct PluginSkeleton {
  std::string name;      // the plugin's type
  std::string language;  // c, cpp or rust
  std::string kind;      // scorer, filter or picker
};

struct SkeletonFile {
  std::string path;  // within the skeleton
  std::string text;
};

// What is wrong with a name, or empty.
std::string plugin_name_problem(std::string_view name);

std::vector<SkeletonFile> render(const PluginSkeleton& skeleton);

}  // namespace epp::app
