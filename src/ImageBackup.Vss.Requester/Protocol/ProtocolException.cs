using System;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>The other end of the pipe sent what the protocol does not allow. The message is a sentence's part.</summary>
public sealed class ProtocolException(string message) : Exception(message);
