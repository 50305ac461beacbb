using System;
using System.Collections.Generic;
using ImageBackup.Engine.Storage;
using Xunit;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>The calls of a storage as a test makes them: cancelled when the test is.</summary>
internal static class StorageCalls
{
    public static void CreateLayout(this IStorage storage) => storage.CreateLayout(TestContext.Current.CancellationToken);

    public static bool Exists(this IStorage storage, StoredKind kind, string name) => storage.Exists(kind, name, TestContext.Current.CancellationToken);

    public static IEnumerable<StoredFile> List(this IStorage storage, StoredKind kind) => storage.List(kind, TestContext.Current.CancellationToken);

    public static long LengthOf(this IStorage storage, StoredKind kind, string name) => storage.LengthOf(kind, name, TestContext.Current.CancellationToken);

    public static byte[] Load(this IStorage storage, StoredKind kind, string name, int limitBytes) =>
        storage.Load(kind, name, limitBytes, TestContext.Current.CancellationToken);

    public static void ReadAt(this IStorage storage, StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes) =>
        storage.ReadAt(kind, name, offsetBytes, buffer, countBytes, TestContext.Current.CancellationToken);

    public static void Save(this IStorage storage, StoredKind kind, string name, ReadOnlySpan<byte> content) =>
        storage.Save(kind, name, content, TestContext.Current.CancellationToken);

    public static IStorageUpload BeginUpload(this IStorage storage, StoredKind kind) => storage.BeginUpload(kind, TestContext.Current.CancellationToken);

    public static void Delete(this IStorage storage, StoredKind kind, string name) => storage.Delete(kind, name, TestContext.Current.CancellationToken);

    public static void SyncDeletions(this IStorage storage, StoredKind kind) => storage.SyncDeletions(kind, TestContext.Current.CancellationToken);

    public static int RemoveAbandonedUploads(this IStorage storage) => storage.RemoveAbandonedUploads(TestContext.Current.CancellationToken);

    public static void Append(this IStorageUpload upload, byte[] buffer, int offset, int countBytes) =>
        upload.Append(buffer, offset, countBytes, TestContext.Current.CancellationToken);

    public static void Commit(this IStorageUpload upload, string name) => upload.Commit(name, TestContext.Current.CancellationToken);
}
