// holdfast-load as a program: against the daemon, and against a server that is wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/integration/api.h"
#include "tests/integration/every_endpoint.h"
#include "tests/integration/fake_target.h"

namespace holdfast::integration {
namespace {

using Words = std::vector<std::string>;

// A short run that believes itself however busy the machine is.
ExitedProcess run_load(std::uint16_t port, const Words& more) {
  Words words = {HOLDFAST_LOAD_BINARY,
                 "--target",
                 "http://127.0.0.1:" + std::to_string(port),
                 "--cards",
                 "5",
                 "--connections",
                 "4",
                 "--warm-up",
                 "0.05",
                 "--seconds",
                 "0.3",
                 "--settle",
                 "0.2",
                 "--patience",
                 "30",
                 "--max-lateness-share",
                 "1",
                 "--max-busy-share",
                 "2"};
  words.insert(words.end(), more.begin(), more.end());
  Settings environment = kEndpointSecrets;
  environment["HOLDFAST_ADMIN_KEY"] = kAdminKey;
  return run_command(words, environment);
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class LoadProgram : public testing::Test {
 protected:
  LoadProgram() : sandbox_(std::string(kEveryEndpoint)), daemon_(start_daemon(sandbox_, kEndpointSecrets)) {}
  std::string file(std::string_view name) const { return (sandbox_.folder() / name).string(); }

  Sandbox sandbox_;
  std::unique_ptr<DaemonProcess> daemon_;
};

TEST_F(LoadProgram, EveryKindWithRepeatsAndFollowUpsAgreesToTheCent) {
  for (const std::string kind : {"native", "stripe", "lithic", "marqeta"}) {
    const std::string json_file = file(kind + ".json");
    const ExitedProcess ended =
        run_load(daemon_->port(),
                 {"--kind", kind, "--secret", "env:SIGNING_SECRET", "--username", "env:USER_NAME", "--password",
                  "env:PASSWORD", "--repeats", "0.2", "--follow-ups", "0.3", "--threads", "2", "--json", json_file});
    ASSERT_EQ(ended.status, 0) << kind << ended.out << ended.error;
    const std::string json = text_of(json_file);
    EXPECT_EQ(json_text(json, "/kind"), kind);
    EXPECT_GT(json_integer(json, "/stretches/0/counts/approved"), 0) << kind;
    EXPECT_GT(json_integer(json, "/stretches/0/counts/repeats"), 0) << kind;
    EXPECT_GT(json_integer(json, "/stretches/0/counts/follow_ups"), 0) << kind;
    EXPECT_EQ(json_integer(json, "/stretches/0/counts/lost"), 0) << kind;
    EXPECT_GT(json_integer(json, "/money/reported"), 0) << kind;
  }
  EXPECT_EQ(daemon_->terminate(), 0);
  EXPECT_EQ(sandbox_.verify(), "");
}

TEST_F(LoadProgram, AnOpenLoopOnAHotCardWithASmallCapReports) {
  const ExitedProcess ended = run_load(
      daemon_->port(), {"--rate", "300", "--spread", "hot", "--limit-usd", "50.00", "--repeats", "0.1", "--pid",
                        std::to_string(daemon_->pid()), "--json", file("json"), "--html", file("html")});
  ASSERT_EQ(ended.status, 0) << ended.out << ended.error;
  const std::string json = text_of(file("json"));
  EXPECT_EQ(json_integer(json, "/stretches/0/latency_ms/count"), 90)
      << "300 a second for 0.3 seconds, whatever happens";
  EXPECT_GT(json_integer(json, "/stretches/0/counts/declined"), 0);
  EXPECT_LE(json_integer(json, "/money/reported"), 5000);
  EXPECT_NE(text_of(file("html")).find("</html>"), std::string::npos);
  EXPECT_NE(ended.out.find("processor time of the target"), std::string::npos) << ended.out;
}

TEST_F(LoadProgram, TheSearchFindsTheEndThatItIsGiven) {
  const ExitedProcess ended =
      run_load(daemon_->port(), {"--rate", "20", "--up-to-rate", "40", "--under-p99-ms", "60000", "--seconds", "0.5"});
  ASSERT_EQ(ended.status, 0) << ended.out << ended.error;
  EXPECT_NE(ended.out.find("highest rate whose p99 is under 60000 ms"), std::string::npos) << ended.out;
}

TEST_F(LoadProgram, AGeneratorThatWasTheBottleneckReportsNothing) {
  const ExitedProcess ended =
      run_load(daemon_->port(), {"--max-busy-share", "0", "--json", file("json"), "--html", file("html")});
  EXPECT_EQ(ended.status, 3) << ended.out << ended.error;
  EXPECT_NE(ended.error.find("the generator itself was the bottleneck"), std::string::npos) << ended.error;
  EXPECT_EQ(ended.out, "");
  EXPECT_FALSE(std::filesystem::exists(file("json")));
  EXPECT_FALSE(std::filesystem::exists(file("html")));
}

TEST_F(LoadProgram, AWrongSecretIsAFailureAndSaysSo) {
  const ExitedProcess ended = run_load(daemon_->port(), {"--kind", "stripe", "--secret", "env:PASSWORD"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.out.find("requests were refused, the first with"), std::string::npos) << ended.out;
}

ExitedProcess against_fake(Fault fault) {
  const FakeTarget target(fault);
  return run_load(target.port(), {"--repeats", "0.2"});
}

TEST(LoadProgramAgainstAFake, AnHonestTargetPasses) {
  const ExitedProcess ended = against_fake(Fault::none);
  EXPECT_EQ(ended.status, 0) << ended.out << ended.error;
}

TEST(LoadProgramAgainstAFake, ATargetThatSpendsTwiceFails) {
  const ExitedProcess ended = against_fake(Fault::spends_twice);
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.out.find("FAILED: the money does not agree"), std::string::npos) << ended.out;
}

TEST(LoadProgramAgainstAFake, ATargetThatLosesACentFails) {
  EXPECT_EQ(against_fake(Fault::loses_a_cent).status, 1);
}

TEST(LoadProgramAgainstAFake, AnswersThatWereLostWidenTheRangeAndFailNothing) {
  const ExitedProcess ended = against_fake(Fault::drops_answers);
  EXPECT_EQ(ended.status, 0) << ended.out << ended.error;
  EXPECT_EQ(ended.out.find("lost 0,"), std::string::npos) << ended.out;
}

TEST(LoadProgramAgainstAFake, ARepeatWithAnotherAnswerFails) {
  const ExitedProcess ended = against_fake(Fault::answers_repeats_anew);
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.out.find("repeats got another answer"), std::string::npos) << ended.out;
}

TEST(LoadProgramAgainstAFake, RequestsThatAreRefusedFail) {
  const ExitedProcess ended = against_fake(Fault::refuses);
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.out.find("403"), std::string::npos) << ended.out;
}

TEST(LoadProgramAgainstAFake, NoTargetAndNonsenseAreTold) {
  const ExitedProcess nobody = run_load(1, {});
  EXPECT_EQ(nobody.status, 2);
  EXPECT_NE(nobody.error.find("Connection refused"), std::string::npos) << nobody.error;
  EXPECT_EQ(run_load(1, {"--spread", "sideways"}).status, 2);
  EXPECT_EQ(run_load(1, {"--kind", "lithic", "--secret", "env:PASSWORD"}).status, 2) << "no key of that form";
  EXPECT_EQ(run_command({HOLDFAST_LOAD_BINARY, "--help"}).status, 0);
}

}  // namespace
}  // namespace holdfast::integration
