// Endpoints from a file that changes.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "support/files.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::HasSubstr;
using testing::wait_until;
using Names = std::vector<std::string>;

class EndpointsFile {
 public:
  void write(const std::string& entries) { testing::write_file(path(), "endpoints:\n" + entries); }
  void write_raw(const std::string& content) { testing::write_file(path(), content); }
  Flags flags(const Flags& more = {"--pool-name=p"}) const {
    return with("plugins:\n- type: file-discovery\n  parameters: {path: " + path().string() +
                    ", watchFile: true}\ndataLayer: {discovery: {pluginRef: file-discovery}}\n",
                more);
  }

 private:
  std::filesystem::path path() const { return directory_.path() / "endpoints.yaml"; }
  testing::TempDir directory_;
};

const std::string kA = "- {name: a, address: 127.1.0.1, port: \"1\"}\n";
const std::string kB = "- {name: b, address: 127.1.0.2, port: \"1\"}\n";

TEST(DatalayerCheck, C22_PortsAreText) {
  EndpointsFile file;
  file.write("- {name: a, address: 127.1.0.1, port: 8000}\n");
  EXPECT_EQ(refusal_of(file.flags()).exit_code, 1);
  file.write("- {name: a, address: 127.1.0.1, port: \"8000\"}\n");
  const EppServer epp({.arguments = file.flags()});
  EXPECT_EQ(Client(epp.grpc_port()).ask().destination, "127.1.0.1:8000");
}

TEST(DatalayerCheck, C23_ARemovedEndpointGetsNothingWithinASecond) {
  EndpointsFile file;
  file.write(kA + kB);
  const EppServer epp({.arguments = file.flags()});
  file.write(kB);
  EXPECT_TRUE(wait_until([&] { return endpoint_names(epp) == Names{"b"}; }, std::chrono::seconds(5)));
  EXPECT_EQ(Client(epp.grpc_port()).spread(20), (std::map<std::string, int>{{silent_address(2), 20}}));
}

TEST(DatalayerCheck, C24_AnUnreadableRewriteChangesNothing) {
  EndpointsFile file;
  file.write(kA + kB);
  EppServer epp({.arguments = file.flags()});
  file.write_raw("endpoints: [{");
  epp.process().wait_for_line("Endpoints file not reloaded");
  EXPECT_EQ(endpoint_names(epp), (Names{"a", "b"}));
  EXPECT_EQ(Client(epp.grpc_port()).ask().status, 200);
}

TEST(DatalayerCheck, C25_ABadEntryIsDroppedAlone) {
  EndpointsFile file;
  file.write(kA + kB);
  EppServer epp({.arguments = file.flags()});
  file.write(kA + "- {name: b, address: not-an-ip, port: \"1\"}\n");
  EXPECT_TRUE(wait_until([&] { return endpoint_names(epp) == Names{"a"}; }));
  epp.process().wait_for_line("not-an-ip");
}

TEST(DatalayerCheck, C26_FileModeNeedsAPoolName) {
  EndpointsFile file;
  file.write(kA);
  const Refusal refusal = refusal_of(file.flags({}));
  EXPECT_EQ(refusal.exit_code, 1);
  EXPECT_THAT(refusal.text, HasSubstr("either pool-name or endpoint-selector must be set"));
}

}  // namespace
}  // namespace epp::conformance
