module coracle.test/slowlink

go 1.25
