using System.Runtime.Versioning;

// Real mkfs, fsck, loop devices: there is no other system that these could run on; each says so and is skipped elsewhere.
[assembly: SupportedOSPlatform("linux")]
