using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>One read in a pack: wanted blobs that lie beside each other, and what lies between them if that is little.</summary>
/// <param name="PackId">The pack.</param>
/// <param name="OffsetBytes">Where the first blob begins.</param>
/// <param name="LengthBytes">Up to the end of the last one.</param>
/// <param name="First">The number of its first place in the plan.</param>
/// <param name="Count">Its places: several of one blob that is wanted several times.</param>
internal readonly record struct PackRequest(BlobId PackId, uint OffsetBytes, int LengthBytes, int First, int Count);
