#include "storage/store_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

using ::testing::Test;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 0777;
}

void make_store(const std::filesystem::path& path) {
  const StoreDirectory directory(path);
}

TEST(StoreDirectory, MakesAStoreThatOnlyItsOwnerCanRead) {
  const TempFolder folder;
  const auto path = folder.store() / "nested";
  const StoreDirectory directory(path);
  EXPECT_TRUE(directory.created());
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(path / "store.id"), 0600U);
  EXPECT_EQ(mode_of(journal_folder(path)), 0700U);
  EXPECT_EQ(mode_of(journal_folder(path) / "data.mdb"), 0600U);
  EXPECT_EQ(mode_of(state_folder(path) / "data.mdb"), 0600U);
}

TEST(StoreDirectory, KeepsItsIdentityAndSharesItWithNoOtherStore) {
  const TempFolder folder;
  StoreIdentity first;
  {
    const StoreDirectory directory(folder.store());
    first = directory.identity();
  }
  const StoreDirectory again(folder.store());
  EXPECT_FALSE(again.created());
  EXPECT_EQ(again.identity().id, first.id);
  EXPECT_EQ(again.identity().hash_seed, first.hash_seed);
  EXPECT_EQ(again.identity().issuing_secret, first.issuing_secret);
  EXPECT_EQ(StoreDirectory::read_identity(folder.store()).id, first.id);
  const StoreDirectory other(folder.path() / "other");
  EXPECT_NE(other.identity().id, first.id);
  EXPECT_NE(other.identity().hash_seed, first.hash_seed);
  EXPECT_NE(other.identity().issuing_secret, first.issuing_secret);
}

TEST(StoreDirectory, RefusesASecondOwnerAndNamesTheFirst) {
  const TempFolder folder;
  const StoreDirectory first(folder.store());
  const std::string why = refusal([&] { StoreDirectory second(folder.store()); });
  EXPECT_NE(why.find("in use by process " + std::to_string(::getpid())), std::string::npos) << why;
}

TEST(StoreDirectory, IsFreeAgainWhenItsOwnerIsGone) {
  const TempFolder folder;
  make_store(folder.store());
  EXPECT_EQ(refusal([&] { StoreDirectory second(folder.store()); }), "");
}

TEST(StoreDirectory, RefusesAnotherFormat) {
  const TempFolder folder;
  make_store(folder.store());
  const auto file = folder.store() / "store.id";
  std::string bytes = file_bytes(file);
  for (const int format : {1, 2, 4}) {
    bytes[8] = static_cast<char>(format);
    write_file(file, bytes);
    const std::string why = refusal([&] { StoreDirectory directory(folder.store()); });
    EXPECT_NE(why.find("format " + std::to_string(format)), std::string::npos) << why;
  }
}

TEST(StoreDirectory, RefusesAnIdentityWithAnyByteChangedOrTheEndCutOff) {
  const TempFolder folder;
  make_store(folder.store());
  const auto file = folder.store() / "store.id";
  const std::string sound = file_bytes(file);
  for (std::size_t at = 0; at < sound.size(); ++at) {
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    write_file(file, bytes);
    EXPECT_NE(refusal([&] { StoreDirectory directory(folder.store()); }), "") << "byte " << at;
    write_file(file, std::string_view(sound).substr(0, at));
    EXPECT_NE(refusal([&] { StoreDirectory directory(folder.store()); }), "") << "length " << at;
  }
  write_file(file, sound + '\0');
  EXPECT_NE(refusal([&] { StoreDirectory directory(folder.store()); }), "");
  write_file(file, sound);
  EXPECT_EQ(refusal([&] { StoreDirectory directory(folder.store()); }), "");
}

TEST(StoreDirectory, NeverMakesAnewWhatACompleteStoreHasLost) {
  const TempFolder folder;
  make_store(folder.store());
  const std::string identity = file_bytes(folder.store() / "store.id");

  std::filesystem::remove(folder.store() / "store.id");
  EXPECT_NE(refusal([&] { StoreDirectory directory(folder.store()); }).find("store.id is missing"), std::string::npos);
  write_file(folder.store() / "store.id", identity);

  const auto data = journal_folder(folder.store()) / "data.mdb";
  write_file(data, "");
  EXPECT_NE(refusal([&] { OpenStore store(folder.store()); }).find("truncated"), std::string::npos);
  std::filesystem::remove(data);
  EXPECT_NE(refusal([&] { OpenStore store(folder.store()); }).find("cannot be opened"), std::string::npos);
  std::filesystem::remove_all(journal_folder(folder.store()));
  EXPECT_NE(refusal([&] { OpenStore store(folder.store()); }), "");
}

// As after a kill between the two writes of store.id.
TEST(StoreDirectory, BeginsAgainWhenItsMakingWasInterrupted) {
  const TempFolder folder;
  make_store(folder.store());
  const auto file = folder.store() / "store.id";
  std::string bytes = file_bytes(file);
  bytes[12] = 0;
  const std::uint32_t checksum = crc32c(0, bytes_of(std::string_view(bytes).substr(0, 80)));
  std::memcpy(&bytes[80], &checksum, sizeof checksum);
  write_file(file, bytes);
  write_file(journal_folder(folder.store()) / "data.mdb", "half made");
  EXPECT_NE(refusal([&] { StoreDirectory::read_identity(folder.store()); }), "");
  const StoreDirectory directory(folder.store());
  EXPECT_TRUE(directory.created());
  EXPECT_EQ(refusal([&] { JournalReader reader(folder.store()); }), "");
}

TEST(StoreDirectory, KnowsFileSystemsThatCannotBeReliedOn) {
  EXPECT_STREQ(unsafe_file_system(0x6969), "NFS");
  EXPECT_STREQ(unsafe_file_system(0xFF534D42), "CIFS");
  EXPECT_STREQ(unsafe_file_system(0xFFFFFFFFFF534D42), "CIFS") << "the number may come sign-extended";
  EXPECT_STREQ(unsafe_file_system(0x01021997), "9P");
  EXPECT_STREQ(unsafe_file_system(0x65735546), "FUSE");
  EXPECT_EQ(unsafe_file_system(0xEF53), nullptr) << "ext4";
  EXPECT_EQ(unsafe_file_system(0x58465342), nullptr) << "xfs";
}

}  // namespace
}  // namespace holdfast::storage::test
