module github.com/conform-go/conform

go 1.26
