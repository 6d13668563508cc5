using Showcase;

return CommandLine.Run(args);
