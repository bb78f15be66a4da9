package main

func runScript(f *flags) int { return 1 }

func serveSite() int { return 1 }
