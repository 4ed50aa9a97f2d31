// Everything that we render or ship is sent to a real API server, which must accept each field.
#include "render/helm.h"
#include "render/kube_room.h"
#include "support/files.h"
#include "support/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

void expect_valid(const std::vector<KubeObject>& objects, const std::string& name_space) {
  EXPECT_THAT(objects, Not(IsEmpty()));
  for (const KubeObject& object : objects) {
    try {
      KubeRoom::shared().objects.check(object, name_space);
    } catch (const std::exception& error) {
      ADD_FAILURE() << object.title() << ": " << error.what();
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

class ChartValidity : public ::testing::TestWithParam<fs::path> {
 protected:
  static Chart chart() {
    const std::string name = GetParam().stem().string();
    return Chart(name.substr(0, name.find('-')));
  }
};

TEST_P(ChartValidity, LintFindsNothing) {
  const HelmResult lint = chart().lint(GetParam());
  EXPECT_EQ(lint.exit_code, 0) << lint.output;
}

TEST_P(ChartValidity, ServerAcceptsEveryObject) {
  const HelmResult result = chart().render(GetParam());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  expect_valid(read_objects(result.manifests), "ns");
}

INSTANTIATE_TEST_SUITE_P(Values, ChartValidity, ::testing::ValuesIn(values_files("")), test_name);

class ManifestValidity : public ::testing::TestWithParam<fs::path> {};

TEST_P(ManifestValidity, ServerAcceptsEveryObject) {
  expect_valid(read_objects(read_file(GetParam())), "default");
}

std::vector<fs::path> manifests() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(source_file("configs/kubernetes"))) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, ManifestValidity, ::testing::ValuesIn(manifests()), test_name);

// The server that finds no mistake above does find one.
TEST(Validity, MisspeltFieldsAreRefused) {
  for (std::string file : {"configs/kubernetes/standalone.yaml", "configs/kubernetes/gke.yaml"}) {
    KubeObject object = read_objects(read_file(source_file(file))).front();
    object.text += "  mistake: 1\n";
    try {
      KubeRoom::shared().objects.check(object, "default");
      ADD_FAILURE() << file << " with a mistake is accepted";
    } catch (const KubeError& error) {
      EXPECT_THAT(error.what(), HasSubstr("unknown field \"spec.")) << file;
    }
  }
}

// InferencePools: what the API says is valid and what is not.
std::string refusal(const std::string& spec) {
  const KubeObject pool =
      read_objects(
          "apiVersion: inference.networking.k8s.io/v1\nkind: InferencePool\nmetadata: {name: p}\nspec: {selector: "
          "{matchLabels: {app: m}}, " +
          spec + "}\n")
          .front();
  try {
    KubeRoom::shared().objects.check(pool, "ns");
    return {};
  } catch (const KubeError& error) {
    return error.what();
  }
}

TEST(PoolValidity, GoodPoolsAreAccepted) {
  EXPECT_EQ(refusal("targetPorts: [{number: 8000}]"), "");
  EXPECT_EQ(refusal("targetPorts: [{number: 8000}], endpointPickerRef: {name: e, port: {number: 9002}}"), "");
  EXPECT_EQ(refusal("targetPorts: [{number: 8000}], appProtocol: kubernetes.io/h2c"), "");
  EXPECT_EQ(refusal("targetPorts: [{number: 8000}, {number: 8001}]"), "");
  EXPECT_EQ(refusal("targetPorts: [{number: 8000}], endpointPickerRef: {name: e, kind: Thing, group: a.b}"), "");
}

TEST(PoolValidity, BadPoolsAreRefused) {
  const char* no_port = "port is required when kind is 'Service' or unspecified (defaults to 'Service')";
  EXPECT_THAT(refusal("targetPorts: [{number: 8000}], endpointPickerRef: {name: e}"), HasSubstr(no_port));
  EXPECT_THAT(refusal("targetPorts: [{number: 8000}], endpointPickerRef: {name: e, kind: Service}"),
              HasSubstr(no_port));
  EXPECT_THAT(refusal("targetPorts: [{number: 8000}, {number: 8000}]"), HasSubstr("port number must be unique"));
  EXPECT_THAT(refusal("targetPorts: []"), HasSubstr("at least 1 items"));
  EXPECT_THAT(refusal("targetPorts: [{number: 65536}]"), HasSubstr("less than or equal to 65535"));
  EXPECT_THAT(refusal("targetPorts: [{number: 8000}], appProtocol: h2"), HasSubstr("Unsupported value: \"h2\""));
  EXPECT_THAT(refusal("targetPorts: [{number: 8000}], "
                      "endpointPickerRef: {name: e, port: {number: 1}, failureMode: FailClosed}"),
              HasSubstr("supported values: \"FailOpen\", \"FailClose\""));
}

TEST(PoolValidity, DefaultsAreFilledIn) {
  const auto objects = read_objects(read_file(source_file("configs/kubernetes/pool.yaml")));
  const Json pool = KubeRoom::shared().objects.check(find_object(objects, "InferencePool/model-pool"), "ns");
  EXPECT_EQ(pool.at("spec").at("appProtocol"), "http");
  EXPECT_EQ(pool.at("spec").at("endpointPickerRef").at("kind"), "Service");
  const Json chat = KubeRoom::shared().objects.check(find_object(objects, "InferenceObjective/chat"), "ns");
  EXPECT_EQ(chat.at("spec").at("poolRef").at("group"), "inference.networking.k8s.io");
  EXPECT_EQ(chat.at("spec").at("poolRef").at("kind"), "InferencePool");
}

}  // namespace
}  // namespace epp::testing
