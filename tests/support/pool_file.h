#pragma once

#include "support/files.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace epp::testing {

struct PoolEndpoint {
  std::string name;
  std::string address = "127.0.0.1";
  std::uint16_t port = 1;
  std::map<std::string, std::string> labels = {};
};

struct PoolObjective {
  std::string name;
  int priority = 0;
  double weight = 1;
};

// The file that file-discovery reads and watches: who the endpoints are, and which objectives a request may name.
class PoolFile {
 public:
  // From now on exactly these exist.
  void write(const std::vector<PoolEndpoint>& endpoints, const std::vector<PoolObjective>& objectives = {}) const;

  std::filesystem::path path() const { return directory_.path() / "pool.json"; }

  // The item of `plugins` that reads it, in flow style, so that it fits into JSON and YAML. Named file-discovery.
  std::string plugin() const;

 private:
  TempDir directory_;
};

}  // namespace epp::testing
