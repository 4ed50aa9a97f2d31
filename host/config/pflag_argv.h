// An argument list as pflag reads it, rewritten so that a flag library without these habits can take it over:
// one `--name` `value` pair per flag, in order of first use, the last value of a repeated flag only.
//   --name=value  --name value  --name= (empty)   -n=value  -nvalue  -n value
//   booleans: --name (true)  --name=false; the next argument is never theirs
//   --  ends the flags; words may stand between flags
#pragma once

#include <string>
#include <vector>

namespace epp::config {

struct FlagShape {
  std::string name;  // long name without dashes
  char shorthand = '\0';
  bool boolean = false;
  bool list = false;  // every occurrence counts
};

struct RewrittenArguments {
  struct Flag {
    std::string name;
    std::string value;
  };
  std::vector<std::string> words;
  std::vector<Flag> flags;
  bool help = false;                // --help or -h
  std::vector<std::string> errors;  // in pflag's wording

  // The words, then each flag as two arguments.
  std::vector<std::string> arguments() const;
};

RewrittenArguments rewrite_arguments(const std::vector<std::string>& arguments, const std::vector<FlagShape>& shapes);

}  // namespace epp::config
