module machine-init

go 1.21
