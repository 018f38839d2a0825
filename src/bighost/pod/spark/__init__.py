"""What the framework `spark` is made of: JVM, driver, limits, input, output, story."""
