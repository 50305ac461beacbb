namespace ImageBackup.Loader;
public static class Placeholder;
