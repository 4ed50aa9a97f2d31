// The sample manifests against the plugin libraries that ship with the host, by way of `epp validate`.
#include "app/app.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::config {
namespace {

int validate(const std::string& file, const std::string& text) {
  Options options;
  options.command = Command::kValidate;
  options.config_file = file;
  options.config_text = text;
  options.plugin_directories = {EPP_PLUGIN_DIR};
  return app::validate(options);
}

TEST(SampleManifests, AreValidWithTheLibrariesThatShip) {
  EXPECT_EQ(validate("", ""), 0) << "the built-in default";
  for (const char* name : {"default.json", "default.yaml", "recommended.json", "flow-control.json"}) {
    EXPECT_EQ(validate(std::string(EPP_SOURCE_DIR "/configs/manifests/") + name, ""), 0) << name;
  }
  EXPECT_EQ(validate("", "plugins: [{type: queue-scorer}, {type: queue-scorer}]"), 1) << "a repeated name";
}

}  // namespace
}  // namespace epp::config
